//! `haulout bucket` and `haulout placement`.

use clap::{Args, Subcommand};

use crate::domain::PlacementRule;

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
