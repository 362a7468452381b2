//! `haulout ledger`.

use std::path::PathBuf;

use clap::Subcommand;

/// What to do with the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Ledger {
    /// Print the last checkpoint of the published log, which others may keep
    Checkpoint {
        /// Print the policy that trusts this log instead
        #[arg(long)]
        policy: bool,
        /// Print checkpoint, policy, witnesses and what they refused as JSON
        #[arg(long, conflicts_with = "policy")]
        json: bool,
    },
    /// Write all that is published into a folder that anybody can verify or serve
    Export {
        /// The folder, which must be empty or new
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// What needs no gateway.
    #[command(flatten)]
    Offline(OfflineLedger),
}

/// What anybody can do with an export, without a gateway and its database.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum OfflineLedger {
    /// Verify an export: tree, signatures, sums, and that each epoch follows from its inputs
    Verify {
        /// The folder
        dir: PathBuf,
        /// What is trusted: logs, witnesses and a quorum, as in C2SP tlog-policy [default: what the export says of itself]
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        /// A checkpoint of the same log that was seen before or elsewhere: the export must extend it. May be given several times
        #[arg(long, value_name = "FILE")]
        seen: Vec<PathBuf>,
    },
    /// Write the proof of one leaf, from an export, into a file that its reader needs nothing else for but a policy
    Prove {
        /// The folder of the export
        dir: PathBuf,
        /// The id of the transfer, 32 hexadecimal digits
        id: String,
        /// The file [default: ID.tlog-proof]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Verify such a proof, and print the leaf that it proves
    Check {
        /// The file
        file: PathBuf,
        /// What is trusted
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
    },
    /// Print what published names the lines of a file open, as `haulout invoice --prove` writes them
    Names {
        /// The file
        file: PathBuf,
    },
}
