//! The metadata on the backends: segments of the journal and snapshots, from which a lost database is rebuilt (`recover`).

mod deletions;
pub(super) mod segments;
mod snapshots;
mod terms;
