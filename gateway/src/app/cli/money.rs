//! `haulout account`, `usage`, `invoice`, `quote` and `epoch`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::domain::money::frost::Frost;

/// What to do with accounts of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Account {
    #[command(subcommand)]
    pub command: Option<AccountCommand>,
    /// One account: a user's name, bucket/NAME, or an account's name; all of them without it
    pub name: Option<String>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// How money enters and leaves.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum AccountCommand {
    /// Record money that came in. The same reference again does nothing
    Credit(Movement),
    /// Record money that goes out. The same reference again does nothing
    Payout(Movement),
}

/// Money that enters or leaves.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Movement {
    /// A user's name, bucket/NAME, or an account's name
    pub name: String,
    /// FROST as a number, or WAL as in 2.5WAL
    pub amount: Frost,
    /// What it is called outside, such as the number of a bank's statement
    #[arg(long)]
    pub reference: String,
    /// Print what became of it as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `haulout quote`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Quote {
    /// Bytes of content
    #[arg(long, value_name = "N")]
    pub bytes: u64,
    /// The scheme it is encoded by [default: that of STANDARD]
    #[arg(long)]
    pub scheme: Option<String>,
    /// Whole epochs after the one that is under way
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub epochs: u64,
    /// In how many parts it is uploaded; 0 for one request
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub parts: u64,
    /// Later requests that change nothing
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub read_requests: u64,
    /// Later requests that change something or list
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub write_requests: u64,
    /// Bytes of it that are read
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub egress_bytes: u64,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `haulout usage`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Usage {
    /// One bucket; all of them without it
    pub bucket: Option<String>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `haulout invoice`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Invoice {
    /// The bucket's name; one that is gone has invoices too
    pub bucket: String,
    /// One epoch [default: the last hundred]
    #[arg(long, value_name = "N")]
    pub epoch: Option<u64>,
    /// Print it as JSON
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print it as comma-separated values
    #[arg(long)]
    pub csv: bool,
    /// Write proofs of its transfers in the published ledger, and what opens the names in them, from this export of it
    #[arg(long, value_name = "DIR", requires = "epoch", conflicts_with_all = ["json", "csv"])]
    pub prove: Option<PathBuf>,
    /// The folder for these files
    #[arg(long, value_name = "DIR", requires = "prove", default_value = ".", hide_default_value = true)]
    pub out: PathBuf,
}

/// Options of `haulout settle`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Settle {
    /// Print the plan and change nothing
    #[arg(long, required = true)]
    pub dry_run: bool,
}

/// Options of `haulout epoch`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Epoch {
    #[command(subcommand)]
    pub command: Option<EpochCommand>,
    /// Print them as JSON
    #[arg(long)]
    pub json: bool,
}

/// What to do with epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum EpochCommand {
    /// Say that the clock is right although whole epochs passed that nobody saw: they are begun, charged and settled one by one
    Confirm {
        /// Print what was confirmed as JSON
        #[arg(long)]
        json: bool,
    },
}
