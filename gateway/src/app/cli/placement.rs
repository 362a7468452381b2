//! `haulout bucket` and `haulout placement`.

use clap::{Args, Subcommand};

use crate::domain::PlacementRule;
use crate::domain::money::frost::Frost;

/// What to do with buckets.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Bucket {
    /// Show, set or clear where a bucket's slivers may lie. A rule replaces the one before; what lies outside is moved in the background,
    /// after everything that is endangered
    Placement {
        /// The bucket's name
        name: String,
        /// The rule
        #[command(flatten)]
        rule: RuleOptions,
        /// Let them lie anywhere; those that are there stay where they are
        #[arg(long, conflicts_with_all = ["zones", "providers", "exclude", "residency"])]
        clear: bool,
        /// Print the rule and what it comes to as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show or say who pays for a bucket: its owner's account unless said otherwise
    Payer {
        /// The bucket's name
        name: String,
        /// A user's name or an account of the ledger
        #[arg(conflicts_with_all = ["own_funds", "owner"])]
        payer: Option<String>,
        /// Funds of the bucket's own, which `haulout account credit bucket/NAME` fills
        #[arg(long, conflicts_with = "owner")]
        own_funds: bool,
        /// Its owner's account
        #[arg(long)]
        owner: bool,
        /// Print what it uses and has as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the buckets that owe for past epochs and what becomes of them, or decide about one. Nothing is removed unless you say it here
    Arrears {
        /// The bucket's name; all that owe without it
        name: Option<String>,
        /// Move its dates by so many days to later
        #[arg(long, value_name = "DAYS", requires = "name", conflicts_with_all = ["keep", "remove_content"])]
        extend: Option<u32>,
        /// Remove nothing, or nothing more
        #[arg(long, requires = "name", conflicts_with = "remove_content")]
        keep: bool,
        /// After its announced end: remove what is not locked, in the background, until it is paid
        #[arg(long, requires = "name")]
        remove_content: bool,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show, set or clear the most that an epoch of a bucket may cost. Writes beyond it are refused where money is on
    SpendLimit {
        /// The bucket's name
        name: String,
        /// FROST as a number, or WAL as in 2.5WAL
        #[arg(conflicts_with = "clear")]
        amount: Option<Frost>,
        /// Let it cost anything
        #[arg(long)]
        clear: bool,
        /// Print what it uses and has as JSON
        #[arg(long)]
        json: bool,
    },
}

/// What to do with placement rules.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Placement {
    /// Say what a rule would come to: who qualifies, why the others do not, what may be lost, and what to relax
    Evaluate {
        /// The rule
        #[command(flatten)]
        rule: RuleOptions,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
}

/// A placement rule. Of several limits all must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct RuleOptions {
    /// Only in these zones
    #[arg(long, value_name = "ZONE,..", value_delimiter = ',')]
    zones: Vec<String>,
    /// Only with these providers
    #[arg(long, value_name = "PROVIDER,..", value_delimiter = ',')]
    providers: Vec<String>,
    /// None of these: each is the name of a backend, a provider or a zone
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    exclude: Vec<String>,
    /// Only in zones whose names begin so, such as `eu-`
    #[arg(long, value_name = "PREFIX")]
    residency: Option<String>,
}

impl From<RuleOptions> for PlacementRule {
    fn from(options: RuleOptions) -> Self {
        Self {
            zones: options.zones.into_iter().collect(),
            providers: options.providers.into_iter().collect(),
            exclude: options.exclude.into_iter().collect(),
            residency: options.residency,
        }
    }
}
