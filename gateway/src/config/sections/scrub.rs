//! `[scrub]`: how own disks are read through.

use serde::Deserialize;

/// How often every sliver on a directory is read and proven, and how fast.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScrubConfig {
    /// Days from the beginning of a round over all of them to that of the next; 0 for none.
    pub days: u32,
    /// Bytes read in a second, on average and on all directories together.
    pub bytes_per_second: u64,
}

impl Default for ScrubConfig {
    fn default() -> Self {
        Self { days: 30, bytes_per_second: 32 << 20 }
    }
}
