//! The cache of current versions.

use bytes::Bytes;

use crate::domain::{BucketId, Extent, ObjectKey, Version, VersionLookup};
use crate::metadata::engine::exact_cache::ExactCache;

/// Memory for cached versions, roughly.
const CACHE_BYTES: u64 = 32 << 20;

/// What keys currently hold.
pub(crate) type VersionCache = ExactCache<CachedKey, VersionLookup>;

/// What a cached version is found by.
pub(crate) type CachedKey = (BucketId, ObjectKey);

/// An empty cache.
pub(crate) fn cache() -> VersionCache {
    ExactCache::new(CACHE_BYTES, weight, None)
}

/// About what an entry takes in memory.
fn weight(key: &CachedKey, found: &VersionLookup) -> u32 {
    const ENTRY: usize = 200;
    let version = if let VersionLookup::Version(version) = found {
        let attributes = &version.attributes;
        let pairs = attributes.user.iter().chain(&attributes.tags);
        let pairs: usize = pairs.map(|(name, value)| name.len() + value.len() + 48).sum();
        300 + version.extents.len() * size_of::<Extent>() + pairs
    } else {
        0
    };
    u32::try_from(ENTRY + 2 * key.1.as_bytes().len() + version).unwrap_or(u32::MAX)
}

impl VersionCache {
    /// The same version in memory of its own: a key cut from a request's buffer would keep the whole buffer.
    pub(crate) fn own(version: &Version) -> Version {
        Version { key: Self::own_key(&version.key), ..version.clone() }
    }

    /// The same key in memory of its own.
    pub(crate) fn own_key(key: &ObjectKey) -> ObjectKey {
        ObjectKey::new(Bytes::copy_from_slice(key.as_bytes())).unwrap_or_else(|_| key.clone())
    }
}
