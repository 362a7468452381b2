//! `haulout provider` and `haulout repair`.

use clap::Subcommand;

/// What to do with providers.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Provider {
    /// List the providers: what each holds, by the database and by its own word, and what is thought of it
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Invite a storage node: prints a token, once, that its operator gives to `haulout node join`
    Invite {
        /// The most bytes that it is asked to store
        #[arg(long, value_name = "BYTES")]
        quota: u64,
        /// How long the invitation is good
        #[arg(long, value_name = "DAYS", default_value_t = 7)]
        days: u32,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Admit the node that accepted an invitation, as one that is vetted: checks, reaches and formats it, and prints its [[backend]]
    Admit {
        /// What `haulout node join` printed
        acceptance: String,
        /// What to call it, if not as its operator does
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Where it stands
        #[arg(long, value_name = "ZONE")]
        zone: Option<String>,
        /// Its address may be on a network of one's own, loopback included
        #[arg(long)]
        allow_internal: bool,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
}

/// What to do with repairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Repair {
    /// Show what waits, how fast it goes, how long it takes, and what cannot be repaired
    Status {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
}
