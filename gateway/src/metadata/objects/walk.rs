//! Walking all versions of a bucket, for rules and inventories.

use crate::domain::{BucketId, ChecksumAlgorithm, ETag, ObjectAttributes, ObjectKey, Timestamp, UploadId, VersionId};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{self, etag, limit};
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// A version in a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkedVersion {
    /// Its key.
    pub key: ObjectKey,
    /// Its place among the versions of its key: later ones have higher numbers.
    pub seq: i64,
    /// Its row's name.
    pub id: VersionId,
    /// It is the null version.
    pub null: bool,
    /// It is what the key holds now.
    pub current: bool,
    /// It is a delete marker.
    pub marker: bool,
    /// Bytes of content.
    pub size: u64,
    /// Its tag.
    pub etag: ETag,
    /// When it was written.
    pub modified_at: Timestamp,
    /// The additional checksum it has.
    pub checksum: Option<ChecksumAlgorithm>,
    /// What its client said about it.
    pub attributes: ObjectAttributes,
}

/// The position of a walk: after this version, or after all versions of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalkPosition {
    /// The key; empty at the start.
    pub key: Vec<u8>,
    /// The version; none after all of them.
    pub seq: Option<i64>,
}

/// An upload that nobody ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleUpload {
    /// Its bucket.
    pub bucket: BucketId,
    /// Its key.
    pub key: ObjectKey,
    /// Its name.
    pub id: UploadId,
}

impl MetadataStore {
    /// Versions of a bucket by key, the newest of a key first, after a place.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn walk_versions(
        &self,
        bucket: BucketId,
        after: &WalkPosition,
        most: usize,
    ) -> Result<Vec<WalkedVersion>> {
        let text = "SELECT key, seq, version_id, is_null, is_current, is_marker, size, etag, modified_at, checksum, \
                    attributes FROM version WHERE bucket_id = $1 AND key >= $2 AND (key > $3 OR seq < $4) \
                    ORDER BY key, seq DESC LIMIT $5";
        let statement = Statement::new(text)
            .bind(bucket.0)
            .bind(&*after.key)
            .bind(&*after.key)
            .bind(after.seq.unwrap_or(i64::MIN))
            .bind(limit(most));
        let rows = self.database().rows(statement).await?;
        rows.iter()
            .map(|row| {
                let checksum = row.bytes_if_any(9)?.map(columns::split_checksum).transpose()?;
                Ok(WalkedVersion {
                    key: columns::key(row.bytes(0)?)?,
                    seq: row.int(1)?,
                    id: VersionId(row.array(2)?),
                    null: row.flag(3)?,
                    current: row.flag(4)?,
                    marker: row.flag(5)?,
                    size: row.number(6)?,
                    etag: etag(row.bytes(7)?)?,
                    modified_at: Timestamp(row.int(8)?),
                    checksum: checksum.map(|(algorithm, ..)| algorithm),
                    attributes: columns::attributes(row.text(10)?)?,
                })
            })
            .collect()
    }

    /// Uploads that began at least so many seconds ago and got no part since, the oldest first.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn stale_uploads(&self, seconds: i64, most: usize) -> Result<Vec<StaleUpload>> {
        let mut session = self.database().reader().await?;
        let before = format!("{} - {}", session.dialect().now(), seconds.saturating_mul(1_000_000));
        let text = format!(
            "SELECT u.bucket_id, u.key, u.id FROM upload u WHERE u.created_at <= {before} AND NOT EXISTS \
             (SELECT 1 FROM part p WHERE p.upload_id = u.id AND p.modified_at > {before}) \
             ORDER BY u.created_at LIMIT $1"
        );
        let rows = session.rows(Statement::new(text).bind(limit(most))).await?;
        rows.iter()
            .map(|row| {
                let (key, id) = (columns::key(row.bytes(1)?)?, UploadId(row.array(2)?));
                Ok(StaleUpload { bucket: BucketId(row.int(0)?), key, id })
            })
            .collect()
    }
}
