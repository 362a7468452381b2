//! Reading one version.

use std::sync::Arc;

use bytes::Bytes;

use super::columns::{self, etag, extent};
use super::exact_cache::ExactCache;
use super::session::Session;
use super::statement::Statement;
use super::{MetadataError, MetadataStore, Result};
use crate::domain::{BucketId, Extent, ObjectKey, PartNumber, Timestamp, Version, VersionId, VersionPart};

/// Memory for cached versions, roughly.
const CACHE_BYTES: u64 = 32 << 20;
/// How often a version is read again whose extents do not fit it, because it went or moved between two statements.
const READS: usize = 5;

/// Current versions by bucket and key; none for keys that have none.
pub(super) type VersionCache = ExactCache<CachedKey, Option<Arc<Version>>>;

/// What a cached version is found by.
pub(super) type CachedKey = (BucketId, ObjectKey);

/// An empty cache.
pub(super) fn cache() -> VersionCache {
    ExactCache::new(CACHE_BYTES, weight, None)
}

/// About what an entry takes in memory.
fn weight(key: &CachedKey, version: &Option<Arc<Version>>) -> u32 {
    const ENTRY: usize = 200;
    let version = version.as_ref().map_or(0, |version| {
        let attributes = &version.attributes;
        let user: usize = attributes.user.iter().map(|(name, value)| name.len() + value.len() + 48).sum();
        300 + version.extents.len() * size_of::<Extent>() + user
    });
    u32::try_from(ENTRY + 2 * key.1.as_bytes().len() + version).unwrap_or(u32::MAX)
}

impl VersionCache {
    /// The same version in memory of its own: a key cut from a request's buffer would keep the whole buffer.
    pub(super) fn own(version: &Version) -> Version {
        Version { key: Self::own_key(&version.key), ..version.clone() }
    }

    /// The same key in memory of its own.
    pub(super) fn own_key(key: &ObjectKey) -> ObjectKey {
        ObjectKey::new(Bytes::copy_from_slice(key.as_bytes())).unwrap_or_else(|_| key.clone())
    }
}

impl MetadataStore {
    /// The current version of a key. On SQLite an exact cache stands in front.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn current(&self, bucket: BucketId, key: &ObjectKey) -> Result<Option<Arc<Version>>> {
        let Some(cache) = &self.shared.versions else {
            return Ok(read(&mut self.database().reader().await?, bucket, key).await?.map(Arc::new));
        };
        let place = (bucket, key.clone());
        if let Some(known) = cache.get(&place) {
            return Ok(known);
        }
        let ticket = cache.ticket(&place);
        let version = read(&mut self.database().reader().await?, bucket, key).await?.map(Arc::new);
        cache.offer(ticket, (bucket, VersionCache::own_key(key)), version.clone());
        Ok(version)
    }

    /// The parts of a version that was uploaded in parts, ascending; empty for others.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn version_parts(&self, version: &VersionId) -> Result<Vec<VersionPart>> {
        let text = "SELECT number, size, checksum FROM version_part WHERE version_id = $1 ORDER BY number";
        let rows = self.database().rows(Statement::new(text).bind(version.0)).await?;
        rows.iter()
            .map(|row| {
                let number = PartNumber::new(row.int(0)?);
                Ok(VersionPart {
                    number: number.map_err(|error| MetadataError::Damaged(error.to_string()))?,
                    size: row.number(1)?,
                    checksum: columns::checksum(row.bytes_if_any(2)?)?,
                })
            })
            .collect()
    }
}

/// The version with its extents. The only one comes with the row, which is all there is for most; several are read after
/// it, and must add up.
async fn read(session: &mut Session, bucket: BucketId, key: &ObjectKey) -> Result<Option<Version>> {
    for _ in 0..READS {
        let text = "SELECT version_id, size, etag, modified_at, checksum, attributes, extent_count, blob_id, blob_offset \
                    FROM version WHERE bucket_id = $1 AND key = $2 AND is_current AND NOT is_marker";
        let statement = Statement::new(text).bind(bucket.0).bind(key.as_bytes());
        let Some(row) = session.row(statement).await? else { return Ok(None) };
        let (id, size) = (VersionId(row.array(0)?), row.number(1)?);
        let count: usize = row.number(6)?;
        let mut extents = Vec::with_capacity(count);
        extents.extend(columns::inline_extent(&row, 7, size)?);
        if count > 1 {
            let text = "SELECT blob_id, blob_offset, length FROM extent WHERE owner = $1 ORDER BY ordinal";
            for row in session.rows(Statement::new(text).bind(id.0)).await? {
                extents.push(extent(&row, 0)?);
            }
        }
        let sum: u128 = extents.iter().map(|extent| u128::from(extent.length)).sum();
        if extents.len() != count || sum != u128::from(size) {
            continue;
        }
        return Ok(Some(Version {
            id,
            key: VersionCache::own_key(key),
            size,
            etag: etag(row.bytes(2)?)?,
            modified_at: Timestamp(row.int(3)?),
            attributes: columns::attributes(row.text(5)?)?,
            checksum: columns::checksum(row.bytes_if_any(4)?)?,
            extents,
        }));
    }
    Err(MetadataError::Damaged(format!("the extents of {key} in bucket {} do not add up", bucket.0)))
}
