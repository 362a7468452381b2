//! Rows of blobs and their slivers: reading, owners of extents, what is removed step by step, the queue of dead blobs, compaction, findings, repair jobs,
//! moved slivers, large blobs of which little lives, placement rules, wrapped keys.

pub(crate) mod blob;
pub(crate) mod blob_cache;
pub(crate) mod compact;
pub(crate) mod discards;
pub(crate) mod early_reclaim;
pub(crate) mod enqueue_repairs;
pub(crate) mod findings;
pub(crate) mod owned_extent;
pub(crate) mod placement_rules;
pub(crate) mod placement_walk;
pub(crate) mod reclaim;
pub(crate) mod removals;
pub(crate) mod repair_jobs;
pub(crate) mod repair_queue;
pub(crate) mod rewrap;
pub(crate) mod sliver_moves;
pub(crate) mod sparse;
pub(crate) mod thin_blobs;
pub(crate) mod thin_walk;
