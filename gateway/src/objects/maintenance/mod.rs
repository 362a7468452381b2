//! What workers run on stored data: collection, compaction, orphans, repair, findings, lifecycle rules.
//!
//! Each is one short step that is safe to repeat; the loops that call them are in `workers`.

pub(crate) mod absences;
pub(crate) mod compact;
pub(crate) mod compact_large;
pub(crate) mod drain;
pub(crate) mod early_progress;
pub(crate) mod early_reclaim;
pub(crate) mod finding_queue;
pub(crate) mod findings;
pub(crate) mod heartbeats;
pub(crate) mod hold;
pub(crate) mod lifecycle;
pub(crate) mod noticed;
pub(crate) mod orphans;
pub(crate) mod rebuild;
pub(crate) mod reclaim;
pub(crate) mod repair;
pub(crate) mod stale_uploads;
pub(crate) mod throttle;
pub(crate) mod trust;
