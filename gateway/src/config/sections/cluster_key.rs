//! `[cluster_key]`: where the cluster key comes from, if not from the data folder.

use std::fmt;

use serde::Deserialize;
use zeroize::Zeroizing;

/// Where the cluster key comes from. Without any of it, from the file `cluster.key` in the data folder.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterKeyConfig {
    /// A program with its arguments that prints what the file would hold.
    pub command: Option<Vec<String>>,
    /// `HAULOUT_CLUSTER_KEY`: what the file would hold.
    #[serde(skip)]
    pub value: Option<Zeroizing<String>>,
}

impl ClusterKeyConfig {
    /// Whether the file in the data folder does not count.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        self.command.is_some() || self.value.is_some()
    }
}

impl fmt::Debug for ClusterKeyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterKeyConfig").field("command", &self.command).finish_non_exhaustive()
    }
}
