//! `haulout provider` and `haulout repair`.

use clap::{Args, Subcommand};

use super::staking::percent;

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
    /// Register a provider, so that it takes stake and votes, or announce another commission
    Register(RegisterOptions),
    /// Register the price floor that a provider's node signed: in epochs with lower prices it gets no new slivers
    PriceFloor {
        /// The name of its backend
        provider: String,
        /// What `haulout node price-floor` printed
        statement: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// What providers earned and lost, epoch by epoch
    Earnings(EarningsOptions),
}

/// Options of `haulout provider register`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct RegisterOptions {
    /// The name of its backend
    pub provider: String,
    /// The staker whose stake in its pool is its own, for good [default: the provider's name]
    #[arg(long, value_name = "STAKER")]
    pub owner: Option<String>,
    /// The user whose buckets are its own; audits of those do not vet it
    #[arg(long, value_name = "USER")]
    pub account: Option<String>,
    /// What it keeps of its rewards; another one is in force two epochs later [default: 10]
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub commission: Option<u64>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `haulout provider earnings`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct EarningsOptions {
    /// One provider; all of them without it
    pub provider: Option<String>,
    /// One epoch [default: the last ten]
    #[arg(long, value_name = "N")]
    pub epoch: Option<u64>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
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
