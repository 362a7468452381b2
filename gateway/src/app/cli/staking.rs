//! `haulout stake` and `vote`.

use clap::{Args, Subcommand};

use crate::domain::money::frost::Frost;

/// What to do with stake.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Stake {
    /// Stake free funds of a staker on a provider, from the next epoch on. The same reference again does nothing
    Add(AddStake),
    /// Let a stake leave; it is paid back with its rewards when no weight rests on it and no period of its provider is open
    Withdraw {
        /// The stake's name
        stake: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// List stakes, with what they are worth
    List {
        /// Of one provider's pool
        #[arg(long, value_name = "PROVIDER")]
        provider: Option<String>,
        /// Of one staker
        #[arg(long, value_name = "STAKER")]
        staker: Option<String>,
        /// Those that were paid back as well
        #[arg(long)]
        all: bool,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
}

/// A stake that is to be added.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct AddStake {
    /// The provider: the name of its backend
    pub provider: String,
    /// FROST as a number, or WAL as in 2.5WAL; at least 1WAL
    pub amount: Frost,
    /// Whose free funds it is taken from, as in staker/NAME
    #[arg(long, value_name = "NAME")]
    pub staker: String,
    /// What it is called outside
    #[arg(long)]
    pub reference: String,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// What to do with votes.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Vote {
    /// Vote for the prices of the next epochs, with the stake of a provider's pool
    Price {
        /// The provider
        provider: String,
        /// FROST for each encoded MiB and epoch
        #[arg(long, value_name = "FROST")]
        storage: Frost,
        /// FROST for each encoded MiB that is written
        #[arg(long, value_name = "FROST")]
        write: Frost,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Vote for or against a proposal to change a parameter, with the stake of a provider's pool
    Parameter {
        /// The provider
        provider: String,
        /// The proposal's number
        proposal: u64,
        /// Whether the parameter is to change
        #[arg(value_enum)]
        choice: Choice,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Propose to change a parameter. The same again while it is open does nothing
    Propose {
        /// The parameter's name
        parameter: String,
        /// What it is to be
        value: u64,
        /// The last epoch in which votes count [default: the next one]
        #[arg(long, value_name = "EPOCH")]
        until: Option<u64>,
        /// The epoch from whose beginning it holds [default: the second after the last one of votes]
        #[arg(long, value_name = "EPOCH")]
        effective: Option<u64>,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what is voted on and what votes would decide now
    List {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the votes that were cast and what they decided
    History {
        /// Those of one epoch, and the votes that decided its prices
        #[arg(long, value_name = "N")]
        epoch: Option<u64>,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
}

/// For or against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// For it
    Yes,
    /// Against it
    No,
}

/// A part of all in percent, as hundredths of it.
pub(super) fn percent(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no percentage: give 0 to 100 with at most two digits after the point");
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || whole.len() > 3 || part.len() > 2 {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let part: u64 = format!("{part:0<2}").parse().map_err(|_| wrong())?;
    Some(whole * 100 + part).filter(|sum| *sum <= 10_000).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_in_hundredths() {
        for (text, wanted) in [("0", Some(0)), ("12.5", Some(1_250)), ("100", Some(10_000)), ("7.05", Some(705))] {
            assert_eq!(percent(text).ok(), wanted, "{text}");
        }
        for text in ["", ".", "1.", "-1", "100.01", "101", "1.234", "1e2"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
