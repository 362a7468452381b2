//! Walking all versions of a bucket, for rules and inventories.

use crate::domain::{BucketId, ChecksumAlgorithm, ETag, ObjectAttributes, ObjectKey, Timestamp, UploadId, VersionId};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{self, etag, limit};
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
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
    /// What its client said about it; none if that is damaged and cannot be read.
    pub attributes: Option<ObjectAttributes>,
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
    /// When it began.
    pub created_at: Timestamp,
}

/// Versions of a walk, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalkPage {
    /// The versions; some at least, unless the walk has ended.
    pub versions: Vec<WalkedVersion>,
    /// There are none behind them.
    pub ended: bool,
}

/// The columns that [`walked`] reads.
const WALKED: &str = "SELECT key, seq, version_id, is_null, is_current, is_marker, size, etag, modified_at, checksum, attributes \
                      FROM version WHERE bucket_id = $1 AND ";

impl MetadataStore {
    /// Versions of a bucket by key, the newest of a key first, after a place. However many versions a key has, about twice as
    /// many rows are read as `most`.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn walk_versions(&self, bucket: BucketId, after: &WalkPosition, most: usize) -> Result<WalkPage> {
        let mut session = self.database().reader().await?;
        let mut after = after.clone();
        loop {
            let mut versions = match after.seq {
                Some(seq) => rest_of_key(&mut session, bucket, &after.key, seq, most).await?,
                None => Vec::new(),
            };
            let room = most - versions.len().min(most);
            if room == 0 {
                return Ok(WalkPage { versions, ended: false });
            }
            let (next, cut) = next_keys(&mut session, bucket, &after.key, room).await?;
            versions.extend(next);
            let Some(key) = cut.as_ref().filter(|_| versions.is_empty()) else {
                return Ok(WalkPage { versions, ended: cut.is_none() });
            };
            // A key with more versions than a page holds.
            let versions = rest_of_key(&mut session, bucket, key.as_bytes(), i64::MAX, most).await?;
            if !versions.is_empty() {
                return Ok(WalkPage { versions, ended: false });
            }
            // All of them went meanwhile: what follows is still to come.
            after = WalkPosition { key: key.as_bytes().to_vec(), seq: None };
        }
    }

    /// Uploads that began at least so many seconds ago and got no part since, the oldest first, after one.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn stale_uploads(
        &self,
        seconds: i64,
        after: Option<&StaleUpload>,
        most: usize,
    ) -> Result<Vec<StaleUpload>> {
        let mut session = self.database().reader().await?;
        let before = format!("{} - {}", session.dialect().now(), seconds.saturating_mul(1_000_000));
        let text = format!(
            "SELECT u.bucket_id, u.key, u.id, u.created_at FROM upload u \
             WHERE (u.created_at, u.id) > ($1, $2) AND u.created_at <= {before} AND NOT EXISTS \
             (SELECT 1 FROM part p WHERE p.upload_id = u.id AND p.modified_at > {before}) \
             ORDER BY u.created_at, u.id LIMIT $3"
        );
        let (begun, id) = after.map_or((i64::MIN, Vec::new()), |after| (after.created_at.0, after.id.0.to_vec()));
        let rows = session.rows(Statement::new(text).bind(begun).bind(id).bind(limit(most))).await?;
        rows.iter()
            .map(|row| {
                let (key, id) = (columns::key(row.bytes(1)?)?, UploadId(row.array(2)?));
                Ok(StaleUpload { bucket: BucketId(row.int(0)?), key, id, created_at: Timestamp(row.int(3)?) })
            })
            .collect()
    }
}

/// The newest versions of a key below a number.
async fn rest_of_key(
    session: &mut Session,
    bucket: BucketId,
    key: &[u8],
    below: i64,
    most: usize,
) -> Result<Vec<WalkedVersion>> {
    let statement = Statement::new(format!("{WALKED} key = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4"));
    let statement = statement.bind(bucket.0).bind(key).bind(below).bind(limit(most));
    session.rows(statement).await?.iter().map(walked).collect()
}

/// The versions of the keys after one, as far as all versions of a key are among so many rows; and the first key of which they
/// are not.
async fn next_keys(
    session: &mut Session,
    bucket: BucketId,
    after: &[u8],
    most: usize,
) -> Result<(Vec<WalkedVersion>, Option<ObjectKey>)> {
    // The order of the primary key: nothing is sorted, and no more is read than comes back.
    let statement = Statement::new(format!("{WALKED} key > $2 ORDER BY key, seq LIMIT $3"));
    let statement = statement.bind(bucket.0).bind(after).bind(limit(most));
    let rows = session.rows(statement).await?;
    let mut versions = rows.iter().map(walked).collect::<Result<Vec<_>>>()?;
    let cut = if versions.len() < most { None } else { versions.last().map(|last| last.key.clone()) };
    versions.retain(|version| cut.as_ref() != Some(&version.key));
    versions.chunk_by_mut(|one, next| one.key == next.key).for_each(<[WalkedVersion]>::reverse);
    Ok((versions, cut))
}

fn walked(row: &Row) -> Result<WalkedVersion> {
    let (key, id) = (columns::key(row.bytes(0)?)?, VersionId(row.array(2)?));
    let checksum = row.bytes_if_any(9)?.map(columns::split_checksum).transpose()?;
    // One row that cannot be read must not keep a bucket from being walked.
    let attributes = columns::attributes(row.text(10)?).inspect_err(|error| {
        tracing::warn!(key = ?key, version = %hex::encode(id.0), %error, "the attributes of a version cannot be read");
    });
    Ok(WalkedVersion {
        key,
        seq: row.int(1)?,
        id,
        null: row.flag(3)?,
        current: row.flag(4)?,
        marker: row.flag(5)?,
        size: row.number(6)?,
        etag: etag(row.bytes(7)?)?,
        modified_at: Timestamp(row.int(8)?),
        checksum: checksum.map(|(algorithm, ..)| algorithm),
        attributes: attributes.ok(),
    })
}
