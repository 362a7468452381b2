//! `haulout audit`.

use std::path::PathBuf;

use clap::Subcommand;

/// What to do with audits.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Audit {
    /// Show what is thought of every backend, or of one, with its last verdicts
    Status {
        /// The backend's name
        backend: Option<String>,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a verdict with the evidence from which anybody can judge again, as JSON
    Show {
        /// Its id
        id: String,
    },
    /// Judge again what `audit show` printed, from nothing but that
    Verify {
        /// The file with it
        file: PathBuf,
    },
    /// Trust a suspended backend again: its reputation begins from nothing
    Reinstate {
        /// The backend's name
        backend: String,
    },
}
