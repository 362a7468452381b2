//! `[audit]`: how often backends must show that they have what they should have, and what follows.

use serde::Deserialize;

/// Samples, patience and thresholds of audits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Off: no backend is asked for anything.
    pub enabled: bool,
    /// Seconds of an epoch: what is asked for in it is decided by one secret, which nodes are shown when it is over.
    pub epoch_seconds: u32,
    /// Samples of each backend in an epoch, at least.
    pub samples: u32,
    /// One sample more for each so many slivers on it.
    pub slivers_per_sample: u32,
    /// Percent of the samples that are read as clients read, so that a backend cannot tell.
    pub reads_percent: u8,
    /// Seconds for an answer.
    pub answer_seconds: u32,
    /// Seconds until a backend that gave no data is asked again about the same bytes.
    pub retry_seconds: u32,
    /// How often it is asked until the sliver counts as missing.
    pub tries: u32,
    /// Percent of the verdicts of an epoch that are judged again from their evidence when it is over.
    pub recheck_percent: u8,
    /// Days that verdicts are kept.
    pub keep_days: u32,
    /// Bytes read in 30 days from each backend that bills reads.
    pub billed_bytes_per_month: u64,
    /// A backend whose score about data falls below so many thousandths is suspended.
    pub suspend_below: u32,
    /// A backend whose score about being there and answering falls below so many thousandths counts as unreliable.
    pub unreliable_below: u32,
    /// Until a settlement finds that a backend that is not trusted from the beginning has been through its audits, it counts with so many percent of its weight.
    pub vetting_weight_percent: u8,
    /// And all like it together have so many percent of a blob's slivers, one at least, and never more than may be lost.
    pub vetting_slivers_percent: u8,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            epoch_seconds: 86_400,
            samples: 96,
            slivers_per_sample: 10_000,
            reads_percent: 25,
            answer_seconds: 15,
            retry_seconds: 21_600,
            tries: 3,
            recheck_percent: 5,
            keep_days: 30,
            billed_bytes_per_month: 1 << 30,
            suspend_below: 960,
            unreliable_below: 600,
            vetting_weight_percent: 5,
            vetting_slivers_percent: 20,
        }
    }
}
