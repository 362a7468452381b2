//! The cache of blobs.

use std::sync::Arc;
use std::time::Duration;

use codec::BlobId;
use moka::sync::Cache;

use crate::domain::{Placement, StoredBlob};

/// Memory for cached blobs, roughly.
const CACHE_BYTES: u64 = 16 << 20;
/// How long another gateway's repair may go unnoticed: a reader that misses a sliver forgets the blob by itself.
const SHARED_LIFE: Duration = Duration::from_secs(60);

/// Blobs by id.
pub(crate) type BlobCache = Cache<BlobId, Arc<StoredBlob>>;

/// An empty cache.
pub(crate) fn cache(alone: bool) -> BlobCache {
    let cache = Cache::builder().max_capacity(CACHE_BYTES).weigher(|_: &BlobId, blob: &Arc<StoredBlob>| {
        u32::try_from(300 + blob.placements.len() * size_of::<Placement>()).unwrap_or(u32::MAX)
    });
    if alone { cache.build() } else { cache.time_to_live(SHARED_LIFE).build() }
}
