//! `haulout backend`.

use std::path::PathBuf;

use clap::Subcommand;

/// What to do with backends.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Backend {
    /// List the backends and probe each
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Take what stands there as this backend: an empty replacement (a new disk in the old place), which is formatted, or a
    /// backend that was rolled back or swapped, as it is. What it lacks is rebuilt; what stood there before is refused
    Accept {
        /// The backend's name
        name: String,
    },
    /// Check a backend, reach it, format it, and make it one of the cluster. It takes slivers once the configuration of the gateways has its
    /// block and they were started again; nothing moves before `rebalance`
    Add {
        /// The file with its [[backend]]; - for the standard input
        file: PathBuf,
        /// Check and reach it, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
    /// Move what a backend holds to the others, so that it can be removed: it takes nothing new, is read as before, and no blob has less
    /// redundancy meanwhile. Goes on in the gateway, also after a crash; `list` shows how far it is
    Drain {
        /// The backend's name
        name: String,
        /// Say what would be moved, and change nothing
        #[arg(long, conflicts_with = "cancel")]
        dry_run: bool,
        /// Take slivers again; what was moved stays where it is
        #[arg(long)]
        cancel: bool,
        /// Show how far it is until it is done; when this is interrupted the gateway goes on
        #[arg(long, conflicts_with_all = ["dry_run", "cancel", "json"])]
        follow: bool,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
    /// Move slivers towards the weights, behind everything that is endangered or leaves: as few as must move. Goes on in the gateway, also after
    /// a crash, and never lessens the redundancy of a blob
    Rebalance {
        /// Say what would be moved, and change nothing
        #[arg(long, conflicts_with = "cancel")]
        dry_run: bool,
        /// Move no more; what was moved stays where it is
        #[arg(long)]
        cancel: bool,
        /// Show how far it is until it is done; when this is interrupted the gateway goes on
        #[arg(long, conflicts_with_all = ["dry_run", "cancel", "json"])]
        follow: bool,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
    /// Move what a backend holds to another one, which is added if it was not, and take the first out of the cluster when nothing is left on it.
    /// Goes on in the gateway, also after a crash, and no blob has less redundancy meanwhile
    Replace {
        /// The name of the backend that goes
        name: String,
        /// The file with the [[backend]] that comes; - for the standard input
        #[arg(required_unless_present = "cancel", conflicts_with = "cancel")]
        file: Option<PathBuf>,
        /// Say what would be moved, and change nothing
        #[arg(long, conflicts_with = "cancel")]
        dry_run: bool,
        /// Keep the first; what was moved stays where it is
        #[arg(long)]
        cancel: bool,
        /// Show how far it is until it is done; when this is interrupted the gateway goes on
        #[arg(long, conflicts_with_all = ["dry_run", "cancel", "json"])]
        follow: bool,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show, or set, after how long a backend that is configured and does not answer counts as lost: what it holds is rebuilt on the
    /// others. When it is back, what is still good on it is used again. Never while more providers are away than any blob survives
    LostAfter {
        /// From now on, in seconds; 0 for never. A day unless it was set
        seconds: Option<u64>,
    },
    /// Take a backend out of the cluster for good. Leaving it out of a configuration is not that
    Remove {
        /// The backend's name
        name: String,
        /// Although it holds slivers, because they are lost: they are rebuilt on the others from what is left
        #[arg(long)]
        lost: bool,
        /// Say what would be rebuilt, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Show how far the rebuilding is until it is done; when this is interrupted the gateway goes on
        #[arg(long, conflicts_with = "dry_run")]
        follow: bool,
    },
}
