//! Rows of audits: epochs, what each asks of a backend, verdicts, and what is thought of backends after them.

pub(super) mod containment;
pub(super) mod epochs;
pub(super) mod evidence;
pub(super) mod method;
pub(super) mod rechecks;
pub(super) mod reputation;
pub(super) mod reputations;
pub(super) mod samples;
pub(super) mod serials;
pub(super) mod shares;
pub(super) mod verdict_counts;
pub(super) mod verdicts;
