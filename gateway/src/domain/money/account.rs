//! The accounts of the ledger.

use std::fmt;
use std::str::FromStr;

use super::epoch::Epoch;

/// Which ledger a transfer belongs to. Accounts of different books never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Book {
    /// Money is computed and nothing is refused; payers have no limit and are never charged for it later.
    Track,
    /// Money is charged.
    On,
}

/// An account of the ledger. Its text form is its name in the database, in exports and in proofs.
///
/// Names of payers, buckets, providers and stakers are at most 64 characters of `[a-z0-9_.-]`. In what is published, payers and
/// buckets go under salted names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerAccount {
    /// Where money comes from when it enters and goes to when it leaves.
    Outside,
    /// The free funds of an account of the cluster.
    Payer(String),
    /// Funds that one bucket pays from, instead of its owner.
    Bucket(String),
    /// What an epoch has collected and not yet paid out.
    Escrow(Epoch),
    /// What a provider has earned and may take out.
    Provider(String),
    /// What a provider has earned and leaves as a surety.
    Holdback(String),
    /// A provider's pool: its own stake and what is delegated to it, with their rewards.
    Pool(String),
    /// The free funds of a staker.
    Staker(String),
    /// Pays for repair, audits and trash.
    RepairFund,
    /// What rounding leaves, and what nobody earned.
    Remainder,
    /// What is taken out of circulation.
    Burn,
}

/// A text that names no account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no account of the ledger: outside, payer/NAME, bucket/NAME, escrow/EPOCH, provider/NAME, holdback/NAME, pool/NAME, staker/NAME, repair-fund, remainder or burn"
)]
pub struct LedgerAccountError(pub String);

impl fmt::Display for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside => f.write_str("outside"),
            Self::Payer(name) => write!(f, "payer/{name}"),
            Self::Bucket(name) => write!(f, "bucket/{name}"),
            Self::Escrow(epoch) => write!(f, "escrow/{epoch}"),
            Self::Provider(name) => write!(f, "provider/{name}"),
            Self::Holdback(name) => write!(f, "holdback/{name}"),
            Self::Pool(name) => write!(f, "pool/{name}"),
            Self::Staker(name) => write!(f, "staker/{name}"),
            Self::RepairFund => f.write_str("repair-fund"),
            Self::Remainder => f.write_str("remainder"),
            Self::Burn => f.write_str("burn"),
        }
    }
}

impl FromStr for LedgerAccount {
    type Err = LedgerAccountError;

    fn from_str(text: &str) -> Result<Self, LedgerAccountError> {
        let unknown = || LedgerAccountError(text.chars().take(100).collect());
        let Some((kind, name)) = text.split_once('/') else {
            return match text {
                "outside" => Ok(Self::Outside),
                "repair-fund" => Ok(Self::RepairFund),
                "remainder" => Ok(Self::Remainder),
                "burn" => Ok(Self::Burn),
                _ => Err(unknown()),
            };
        };
        if !is_name(name) {
            return Err(unknown());
        }
        let name = name.to_owned();
        Ok(match kind {
            "payer" => Self::Payer(name),
            "bucket" => Self::Bucket(name),
            "provider" => Self::Provider(name),
            "holdback" => Self::Holdback(name),
            "pool" => Self::Pool(name),
            "staker" => Self::Staker(name),
            "escrow" => {
                let number = name.parse().map_err(|_| unknown())?;
                // One text for each account: no leading zeros.
                if name != u64::to_string(&number) {
                    return Err(unknown());
                }
                Self::Escrow(Epoch(number))
            }
            _ => return Err(unknown()),
        })
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in
            ["outside", "payer/000000000001", "bucket/7", "escrow/12", "pool/n-1", "repair-fund", "remainder", "burn"]
        {
            assert_eq!(name.parse::<LedgerAccount>().map(|account| account.to_string()), Ok(name.to_owned()));
        }
        for name in
            ["", "payer", "payer/", "payer/A", "payer/a/b", "escrow/01", "escrow/-1", "escrow/x", "bank/1", "burn/1"]
        {
            assert!(name.parse::<LedgerAccount>().is_err(), "{name}");
        }
    }
}
