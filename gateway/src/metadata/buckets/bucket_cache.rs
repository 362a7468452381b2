//! The cache of buckets.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Bucket, BucketName};
use crate::metadata::engine::exact_cache::ExactCache;

/// Memory for cached buckets, roughly.
const CACHE_BYTES: u64 = 4 << 20;
/// How long a cached bucket may be stale after a deletion by another gateway. Writes always read the database.
const SHARED_LIFE: Duration = Duration::from_secs(2);

/// Buckets that exist, by name.
pub(crate) type BucketCache = ExactCache<BucketName, Arc<Bucket>>;

/// An empty cache.
pub(crate) fn cache(alone: bool) -> BucketCache {
    ExactCache::new(CACHE_BYTES, weight, (!alone).then_some(SHARED_LIFE))
}

/// About what an entry takes in memory: a setting is kept as text and, once read, as what it says.
fn weight(_: &BucketName, bucket: &Arc<Bucket>) -> u32 {
    let settings: usize = bucket.settings.texts().map(|(kind, text)| 200 + kind.len() + 3 * text.len()).sum();
    u32::try_from(400 + settings).unwrap_or(u32::MAX)
}
