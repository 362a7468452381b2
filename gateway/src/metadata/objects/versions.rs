//! Reading one version.

use std::sync::Arc;

use crate::domain::{
    BucketId, Checksum, DeleteMarker, ETag, ObjectAttributes, ObjectKey, PartNumber, Timestamp, Version, VersionId,
    VersionLookup, VersionName, VersionPart, VersionSelector,
};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{self, etag, extent, limit};
use crate::metadata::engine::lock_columns;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::objects::version_cache::VersionCache;

/// How often a version is read again whose extents do not fit it, because it went or moved between two statements.
const READS: usize = 5;

/// What is said of a version, without where its bytes lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionHead {
    /// Bytes of content.
    pub size: u64,
    /// Its tag.
    pub etag: ETag,
    /// Its additional checksum.
    pub checksum: Option<Checksum>,
    /// What its client said about it.
    pub attributes: ObjectAttributes,
}

impl MetadataStore {
    /// The current version of a key; a delete marker is none. On SQLite an exact cache stands in front.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn current(&self, bucket: BucketId, key: &ObjectKey) -> Result<Option<Arc<Version>>> {
        Ok(self.find(bucket, key, VersionSelector::Current).await?.version())
    }

    /// What is said of the current version of a key, without where its bytes lie: one row, however many extents it has.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn current_head(&self, bucket: BucketId, key: &ObjectKey) -> Result<Option<VersionHead>> {
        let cached = self.shared.versions.as_ref().and_then(|cache| cache.get(&(bucket, key.clone())));
        if let Some(known) = cached {
            return Ok(known.version().map(|version| VersionHead {
                size: version.size,
                etag: version.etag,
                checksum: version.checksum.clone(),
                attributes: version.attributes.clone(),
            }));
        }
        let row = self.database().row(select(bucket, key, VersionSelector::Current)).await?;
        let Some(row) = row else { return Ok(None) };
        if row.flag(10)? {
            return Ok(None);
        }
        Ok(Some(VersionHead {
            size: row.number(1)?,
            etag: etag(row.bytes(2)?)?,
            checksum: columns::checksum(row.bytes_if_any(4)?)?,
            attributes: columns::attributes(row.text(5)?)?,
        }))
    }

    /// What a key holds where the selector points. The current version comes from an exact cache on SQLite.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn find(&self, bucket: BucketId, key: &ObjectKey, selector: VersionSelector) -> Result<VersionLookup> {
        let Some(cache) = self.shared.versions.as_ref().filter(|_| selector == VersionSelector::Current) else {
            return read(&mut self.database().reader().await?, bucket, key, selector).await;
        };
        let place = (bucket, key.clone());
        if let Some(known) = cache.get(&place) {
            return Ok(known);
        }
        let insert_permit = cache.insert_permit(&place);
        let found = read(&mut self.database().reader().await?, bucket, key, selector).await?;
        cache.offer(insert_permit, (bucket, VersionCache::own_key(key)), found.clone());
        Ok(found)
    }

    /// The parts of a version that was uploaded in parts, in order and numbered from 1 without gaps, as clients ask for them;
    /// empty for others. The numbers under which they were uploaded only order them.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn version_parts(&self, version: &VersionId) -> Result<Vec<VersionPart>> {
        let text = "SELECT size, checksum FROM version_part WHERE version_id = $1 ORDER BY number";
        let rows = self.database().rows(Statement::new(text).bind(version.0)).await?;
        (1..)
            .zip(&rows)
            .map(|(number, row)| {
                let number = PartNumber::new(number);
                Ok(VersionPart {
                    number: number.map_err(|error| MetadataError::Damaged(error.to_string()))?,
                    size: row.number(0)?,
                    checksum: columns::checksum(row.bytes_if_any(1)?)?,
                })
            })
            .collect()
    }
}

const COLUMNS: &str = "version_id, size, etag, modified_at, checksum, attributes, extent_count, blob_id, blob_offset, \
                       is_null, is_marker, lock_mode, retain_until, legal_hold";

/// One row, found by what the selector says. The newest is looked at first: it is the current one.
fn select(bucket: BucketId, key: &ObjectKey, selector: VersionSelector) -> Statement {
    let which = match selector {
        VersionSelector::Current => "is_current",
        VersionSelector::Null => "is_null",
        VersionSelector::Id(_) => "NOT is_null AND version_id = $3",
    };
    let text = format!(
        "SELECT {COLUMNS} FROM version WHERE bucket_id = $1 AND key = $2 AND {which} ORDER BY seq DESC LIMIT 1"
    );
    let statement = Statement::new(text).bind(bucket.0).bind(key.as_bytes());
    if let VersionSelector::Id(id) = selector { statement.bind(id.0) } else { statement }
}

/// The version with its extents. The only one comes with the row, which is all there is for most; several are read after
/// it, and must add up.
async fn read(
    session: &mut Session,
    bucket: BucketId,
    key: &ObjectKey,
    selector: VersionSelector,
) -> Result<VersionLookup> {
    for _ in 0..READS {
        let Some(row) = session.row(select(bucket, key, selector)).await? else { return Ok(VersionLookup::Nothing) };
        let (id, null, modified_at) = (VersionId(row.array(0)?), row.flag(9)?, Timestamp(row.int(3)?));
        if row.flag(10)? {
            let name = if null { VersionName::Null } else { VersionName::Id(id) };
            return Ok(VersionLookup::Marker(DeleteMarker { name, modified_at }));
        }
        let size = row.number(1)?;
        let count: usize = row.number(6)?;
        let mut extents = Vec::with_capacity(count);
        extents.extend(columns::inline_extent(&row, 7, size)?);
        if count > 1 {
            // What was appended since the row was read is none of its.
            let text =
                "SELECT blob_id, blob_offset, length FROM extent WHERE owner = $1 AND ordinal < $2 ORDER BY ordinal";
            for row in session.rows(Statement::new(text).bind(id.0).bind(limit(count))).await? {
                extents.push(extent(&row, 0)?);
            }
        }
        let sum: u128 = extents.iter().map(|extent| u128::from(extent.length)).sum();
        if extents.len() != count || sum != u128::from(size) {
            continue;
        }
        return Ok(VersionLookup::Version(Arc::new(Version {
            id,
            null,
            lock: lock_columns::version_lock(&row, 11)?,
            key: VersionCache::own_key(key),
            size,
            etag: etag(row.bytes(2)?)?,
            modified_at,
            attributes: columns::attributes(row.text(5)?)?,
            checksum: columns::checksum(row.bytes_if_any(4)?)?,
            extents,
        })));
    }
    Err(MetadataError::Damaged(format!("the extents of {key} in bucket {} do not add up", bucket.0)))
}
