//! `[journal]`: how the metadata is written to the backends, from which the database can be rebuilt.

use serde::Deserialize;

/// How much a lost database may lose, and how far back it can be rebuilt.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalConfig {
    /// Seconds after which a committed change is on the backends; with 0 a write is acknowledged only then. When absent: 1, or 60 where a
    /// backend bills requests.
    pub lag_seconds: Option<u64>,
    /// Hours between two snapshots of all rows, at most.
    pub snapshot_hours: u64,
    /// Hours for which the journal is kept, so that the database can be rebuilt as it was then.
    pub retain_hours: u64,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { lag_seconds: None, snapshot_hours: 24, retain_hours: 24 }
    }
}
