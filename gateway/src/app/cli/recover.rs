//! `haulout recover`.

use clap::{Args, Subcommand};

/// Rebuild a lost database. The configuration names the backends and an empty database; the data folder holds the cluster key. Nothing on
/// the backends is changed. Afterwards start the gateway, look, and say `haulout recover confirm`: until then nothing is collected.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Recover {
    /// Rebuild it beside the data folder's files, report, and remove it again
    #[arg(long)]
    pub dry_run: bool,
    /// As it was then, such as 2026-11-29T12:00:00Z; the ledger never goes back
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// The cluster, where no backend has a marker that names it: storage nodes do not
    #[arg(long, value_name = "ID")]
    pub cluster: Option<String>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
    /// What to do instead
    #[command(subcommand)]
    pub command: Option<RecoverCommand>,
}

/// What follows a recovery.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum RecoverCommand {
    /// Say that the rebuilt database counts: collection, lifecycle and settlement go on
    Confirm {
        /// Print what was confirmed as JSON
        #[arg(long)]
        json: bool,
    },
}
