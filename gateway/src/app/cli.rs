//! The command line.

mod audit;
mod backend;
mod ledger;
mod money;
mod node;
mod placement;
mod provider;
mod recover;
mod staking;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::audit::Audit;
pub use self::backend::Backend;
pub use self::ledger::{Ledger, OfflineLedger};
pub use self::money::{Account, AccountCommand, Epoch, EpochCommand, Invoice, Movement, Quote, Settle, Usage};
pub use self::node::{Node, NodeCommand, RunNode, WitnessCommand};
pub use self::placement::{Bucket, Placement};
pub use self::provider::{EarningsOptions, Provider, RegisterOptions, Repair};
pub use self::recover::{Recover, RecoverCommand};
pub use self::staking::{AddStake, Choice, Stake, Vote};
use crate::config::Overrides;

/// An S3 gateway that cuts every object into encrypted, erasure-coded slivers and gives each to another storage provider.
#[derive(Clone, Debug, Parser)]
#[command(name = "haulout", version)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalOptions,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Debug, Args)]
struct GlobalOptions {
    /// The configuration; without one everything has a default
    #[arg(long, value_name = "FILE", global = true, env = "HAULOUT_CONFIG")]
    config: Option<PathBuf>,
    /// The data folder, overriding the configuration [default: ./haulout-data]
    #[arg(long, value_name = "DIR", global = true, env = "HAULOUT_DATA")]
    data: Option<PathBuf>,
}

/// What to do. All but `serve` exit with 0 when all is well, 1 when something wrong was found, and 2 when it could not be
/// done, and work whether or not the gateway runs.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve S3 until stopped; the default
    Serve(Serve),
    /// Compare what the database knows with what the backends hold
    Check {
        /// Read and verify every byte, not only names and lengths
        #[arg(long)]
        deep: bool,
        /// Have gateways rebuild what is missing or wrong on backends that can be reached
        #[arg(long)]
        repair: bool,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete unreferenced blobs, compact quilts and collect orphans now, without waiting for the workers
    Collect {
        /// So many orphaned slivers may go although they are more than one scan may collect by itself: the number that it names
        #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
        orphans: u64,
        /// Print what was collected as JSON
        #[arg(long)]
        json: bool,
    },
    /// What backends showed of what they should have
    #[command(subcommand)]
    Audit(Audit),
    /// Backends
    #[command(subcommand)]
    Backend(Backend),
    /// Buckets
    #[command(subcommand)]
    Bucket(Bucket),
    /// The gateways that use this database
    #[command(subcommand)]
    Gateway(Gateway),
    /// The metadata database
    #[command(subcommand)]
    Database(Database),
    /// Rebuild a lost database from the backends, the configuration and the cluster key
    Recover(Recover),
    /// Keys of the cluster and of its key service
    #[command(subcommand)]
    Keys(Keys),
    /// The ledger, as it is published
    #[command(subcommand)]
    Ledger(Ledger),
    /// Rules about where slivers may lie
    #[command(subcommand)]
    Placement(Placement),
    /// Who stores slivers, and what is thought of them
    #[command(subcommand)]
    Provider(Provider),
    /// Repairs: slivers that are lost or misplaced
    #[command(subcommand)]
    Repair(Repair),
    /// Run a storage node, which stores slivers for gateways that it need not trust
    Node(Node),
    /// Users and their access keys
    #[command(subcommand)]
    User(User),
    /// Accounts of the ledger: what they have, and how money enters and leaves
    Account(Account),
    /// What content costs before it is written
    Quote(Quote),
    /// What buckets use and cost in the epoch that is under way
    Usage(Usage),
    /// What a bucket used and owed in past epochs
    Invoice(Invoice),
    /// What settling the oldest charged epoch comes to; the gateway settles by itself
    Settle(Settle),
    /// The last epochs, with their prices
    Epoch(Epoch),
    /// Stake: what backs providers, and earns with them
    #[command(subcommand)]
    Stake(Stake),
    /// Votes for prices and parameters, by stake
    #[command(subcommand)]
    Vote(Vote),
    /// The most that buckets and users may hold
    #[command(subcommand)]
    Quota(Quota),
}

/// Options of `haulout serve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Serve {
    /// Where to listen for S3, overriding the configuration [default: 127.0.0.1:9000]
    #[arg(long, value_name = "ADDR")]
    pub s3_listen: Option<SocketAddr>,
}

/// What to do with gateways.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Gateway {
    /// List them: since when they run, until when their leases last, and which background work each does
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
}

/// What to do with the database.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Database {
    /// Say that this database counts although backends are newer (it was restored from a backup): what was written after the
    /// backup is given up and collected
    Confirm {
        /// Print what was confirmed as JSON
        #[arg(long)]
        json: bool,
    },
}

/// What to do with keys.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Keys {
    /// Rewrap all data keys under the newest key; may be interrupted and repeated
    Rotate {
        /// Which keys were replaced
        kind: RotatedKind,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// Split the cluster key into shares, of which some number gives it back, each into a file of its own
    Split {
        /// How many are needed of how many, such as 3-of-5
        terms: String,
        /// The folder for the shares
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Put shares of the cluster key together, into the data folder unless it has a key
    Combine {
        /// The shares
        #[arg(required = true, value_name = "FILE")]
        shares: Vec<PathBuf>,
        /// Another file for the key
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print what storage nodes know this cluster's gateways by, for `haulout node allow`
    Gateway,
}

/// Keys that can be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RotatedKind {
    /// Keys of the key service: a new version was added to the file of [kms]
    Kms,
    /// The cluster key: a new line with a higher number was added to cluster.key of every gateway
    Cluster,
}

/// What to do with users.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum User {
    /// Add a user and print the new access key, once
    Add {
        /// The user's name
        name: String,
        /// An access key to use instead of a new one
        #[arg(long, value_name = "K", requires = "secret_key")]
        access_key: Option<String>,
        /// Its secret
        #[arg(long, value_name = "S", requires = "access_key")]
        secret_key: Option<String>,
        /// Print the user as JSON
        #[arg(long)]
        json: bool,
    },
    /// List the users
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a user and the user's keys
    Remove {
        /// The user's name
        name: String,
    },
}

/// What to do with quotas.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Quota {
    /// Set the most bytes of content and the most objects, all versions and the parts of uploads under way included
    Set {
        /// Over one bucket, or over all buckets of a user
        over: Over,
        /// The bucket's or user's name
        name: String,
        /// The most bytes
        #[arg(long, value_name = "N", required_unless_present = "objects")]
        bytes: Option<u64>,
        /// The most objects
        #[arg(long, value_name = "N")]
        objects: Option<u64>,
    },
    /// Show a quota and how much of it is used
    Show {
        /// Over one bucket, or over all buckets of a user
        over: Over,
        /// The bucket's or user's name
        name: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a quota
    Clear {
        /// Over one bucket, or over all buckets of a user
        over: Over,
        /// The bucket's or user's name
        name: String,
    },
}

/// What a quota is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Over {
    /// One bucket
    Bucket,
    /// All buckets of a user
    User,
}

impl Cli {
    /// What to do.
    #[must_use]
    pub fn command(&self) -> Command {
        self.command.clone().unwrap_or_else(|| Command::Serve(Serve::default()))
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> Option<&std::path::Path> {
        self.global.config.as_deref()
    }

    /// Settings of the command line that override the configuration.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        let s3_listen = match &self.command {
            Some(Command::Serve(serve)) => serve.s3_listen,
            _ => None,
        };
        Overrides { data: self.global.data.clone(), s3_listen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Cli {
        Cli::try_parse_from(line.split_whitespace()).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    #[test]
    fn the_definition_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn alone_it_serves() {
        assert_eq!(parsed("haulout").command(), Command::Serve(Serve::default()));
        assert_eq!(parsed("haulout --data d").overrides().data, Some("d".into()));
    }

    #[test]
    fn every_command_takes_config_and_data_on_either_side() {
        for command in [
            "serve",
            "check",
            "check --deep --json",
            "collect",
            "keys rotate kms",
            "keys rotate cluster --json",
            "keys gateway",
            "keys split 3-of-5 --out d",
            "keys combine a b c --out f",
            "node",
            "node --listen 127.0.0.1:1 --ops 127.0.0.1:2 --trash-min-seconds 0",
            "node init --name n1 --listen host:1",
            "node revoke 01010101010101010101010101010101:0202020202020202020202020202020202020202020202020202020202020202",
            "node clusters --json",
            "backend list",
            "backend accept b1",
            "backend remove b1",
            "backend add block.toml --dry-run",
            "backend replace b1 block.toml --dry-run --json",
            "backend replace b1 block.toml --follow",
            "backend replace b1 --cancel",
            "backend drain b1 --follow",
            "backend remove b1 --lost --follow",
            "backend remove b1 --dry-run",
            "backend rebalance --dry-run --json",
            "backend rebalance --cancel",
            "repair status --json",
            "provider list --json",
            "provider invite --quota 1000000 --days 3 --json",
            "provider admit acceptance --name n1 --zone z --allow-internal --json",
            "node join token --name n1 --listen host:1",
            "audit status",
            "audit status b1 --json",
            "audit show 00112233445566778899aabbccddeeff",
            "audit verify evidence.json",
            "audit reinstate b1",
            "ledger checkpoint --policy",
            "ledger export --out d",
            "ledger verify d --policy p --seen a --seen b",
            "ledger prove d 00112233445566778899aabbccddeeff --out p",
            "ledger check p --policy q",
            "bucket placement b",
            "bucket placement b --zones z1,z2 --providers p --exclude b1,p2 --residency eu- --json",
            "bucket placement b --clear",
            "placement evaluate --exclude b1 --json",
            "gateway list --json",
            "database confirm",
            "recover --dry-run --json",
            "recover --until 2026-11-29T12:00:00Z --cluster 00112233445566778899aabbccddeeff",
            "recover confirm --json",
            "database confirm --json",
            "user add u",
            "user add u --access-key K --secret-key S",
            "user list",
            "user remove u",
            "quota set bucket b --bytes 5 --objects 6",
            "quota set user u --objects 6",
            "quota show bucket b --json",
            "quota clear user u",
        ] {
            takes_config_and_data_on_either_side(command);
        }
    }

    fn takes_config_and_data_on_either_side(command: &str) {
        for line in [
            format!("haulout {command} --config f.toml --data d"),
            format!("haulout --config f.toml --data d {command}"),
        ] {
            let cli = parsed(&line);
            assert_eq!(cli.config(), Some("f.toml".as_ref()), "{line}");
            assert_eq!(cli.overrides().data, Some("d".into()), "{line}");
        }
    }

    #[test]
    fn stake_and_votes_are_asked_for_in_these_words() {
        for command in [
            "provider register b1 --owner anna --account u --commission 12.5 --json",
            "provider earnings",
            "provider earnings b1 --epoch 3 --json",
            "stake add b1 2.5WAL --staker anna --reference r --json",
            "stake withdraw stake-1 --json",
            "stake list --provider b1 --staker anna --all --json",
            "vote price b1 --storage 2000 --write 10 --json",
            "vote parameter b1 7 yes --json",
            "vote propose slash_bp 200 --until 9 --effective 12 --json",
            "vote list --json",
            "vote history --epoch 3 --json",
        ] {
            takes_config_and_data_on_either_side(command);
        }
    }

    #[test]
    fn serving_takes_an_address() {
        let cli = parsed("haulout serve --s3-listen 0.0.0.0:80");
        assert_eq!(cli.overrides().s3_listen, Some(([0, 0, 0, 0], 80).into()));
    }

    #[test]
    fn half_a_key_is_refused() {
        for line in [
            "haulout user add u --access-key K",
            "haulout user add u --secret-key S",
            "haulout user",
            "haulout backend replace b1",
            "haulout backend replace b1 block.toml --cancel",
            "haulout backend rebalance --dry-run --cancel",
            "haulout provider invite",
            "haulout fly",
            "haulout stake add b1 1WAL --staker anna",
            "haulout vote parameter b1 7 perhaps",
            "haulout provider register b1 --commission 101",
            "haulout quota set bucket b",
            "haulout bucket placement b --clear --zones a",
        ] {
            assert!(Cli::try_parse_from(line.split_whitespace()).is_err(), "{line}");
        }
    }
}
