//! `[debug]`: settings for trials and tests.

use serde::Deserialize;

/// Knobs that no gateway with real data should turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DebugConfig {
    /// Seconds a day has to lifecycle rules, inventories and stale uploads.
    pub lifecycle_day_seconds: Option<u32>,
    /// Seconds lines of access logs are buffered.
    pub access_log_seconds: Option<u64>,
    /// Seconds the lease of a gateway lasts that does not renew it.
    pub lease_seconds: Option<u32>,
}
