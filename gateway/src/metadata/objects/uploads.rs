//! Multipart uploads and their parts.

use std::collections::{BTreeSet, HashMap};

use crate::domain::{BucketId, Extent, ObjectKey, Part, PartNumber, Timestamp, Upload, UploadId, UserId, VersionLock};
use crate::metadata::MetadataStore;
use crate::metadata::commit::apply::{Circumstances, apply};
use crate::metadata::commit::facts::Facts;
use crate::metadata::commit::plan::{PartSums, Planner};
use crate::metadata::commit::{load, load_versions};
use crate::metadata::engine::columns::{self, attributes_text, checksum_head, etag, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::lock_columns;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::objects::list_page::{KeyDisposition, RollUp, successor};

/// The outcome of creating an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateUpload {
    /// Parts may come.
    Created,
    /// The bucket is gone.
    NoSuchBucket,
    /// A lock is asked for, and the bucket has no object lock.
    NoObjectLock,
    /// There are as many unfinished uploads and delete markers as the quota of the bucket or of its owner lets be.
    QuotaExceeded,
}

/// The outcome of aborting an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortUpload {
    /// It is gone and its parts with it.
    Aborted,
    /// There is no such upload; a completed one touches no data.
    NoSuchUpload,
}

/// Which uploads to list. Prefix and delimiter as in [`ListQuery`](crate::metadata::ListQuery).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadListQuery {
    /// Only keys that begin with this.
    pub prefix: Vec<u8>,
    /// Rolls up keys; empty for none.
    pub delimiter: Vec<u8>,
    /// Only uploads of keys after this one, or of this one if `upload_marker` is given.
    pub key_marker: Vec<u8>,
    /// Among the uploads of `key_marker`, only those after this.
    pub upload_marker: Option<UploadId>,
    /// The most entries.
    pub limit: usize,
}

/// One entry of a page of uploads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all entries are the large one")]
pub enum UploadEntry {
    /// An upload.
    Upload(Upload),
    /// A common prefix, the delimiter included.
    Prefix(Vec<u8>),
}

/// Uploads by key, then by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadPage {
    /// Uploads and common prefixes, at most `limit` of both together.
    pub entries: Vec<UploadEntry>,
    /// There is more after the last entry.
    pub truncated: bool,
}

const COLUMNS: &str = "id, bucket_id, key, attributes, checksum, created_at, lock_mode, retain_until, legal_hold";

impl MetadataStore {
    /// Begins an upload.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn create_upload(&self, upload: &Upload, owner: UserId) -> Result<CreateUpload> {
        self.database().transact(Create { upload: upload.clone(), owner }).await
    }

    /// An upload that has begun and not ended, if it is of this bucket and key.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn upload(&self, bucket: BucketId, key: &ObjectKey, id: &UploadId) -> Result<Option<Upload>> {
        let text = format!("SELECT {COLUMNS} FROM upload WHERE id = $1 AND bucket_id = $2 AND key = $3");
        let statement = Statement::new(text).bind(id.0).bind(bucket.0).bind(key.as_bytes());
        self.database().row(statement).await?.as_ref().map(upload).transpose()
    }

    /// Parts of an upload by number, after one (0 for the first).
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn parts(&self, upload: &UploadId, after: u16, most: usize) -> Result<Vec<Part>> {
        let mut session = self.database().reader().await?;
        let text = "SELECT number, size, etag, checksum, modified_at, part_id, salt FROM part \
                    WHERE upload_id = $1 AND number > $2 ORDER BY number LIMIT $3";
        let statement = Statement::new(text).bind(upload.0).bind(u32::from(after)).bind(limit(most));
        let rows = session.rows(statement).await?;
        let ids = rows.iter().map(|row| row.array::<16>(5)).collect::<Result<Vec<_>>>()?;
        let head = "SELECT owner, blob_id, blob_offset, length FROM extent WHERE owner IN (VALUES ";
        let owners = ids.iter().map(|id| [Value::from(*id)]).collect();
        let mut extents = HashMap::<[u8; 16], Vec<Extent>>::new();
        for row in session.rows_of_rows(head, owners, ") ORDER BY owner, ordinal").await? {
            extents.entry(row.array(0)?).or_default().push(columns::extent(&row, 1)?);
        }
        let parts = rows.iter().zip(ids).map(|(row, id)| {
            let number = PartNumber::new(row.int(0)?);
            Ok(Part {
                number: number.map_err(|error| MetadataError::Damaged(error.to_string()))?,
                size: row.number(1)?,
                etag: etag(row.bytes(2)?)?,
                checksum: columns::checksum(row.bytes_if_any(3)?)?,
                modified_at: Timestamp(row.int(4)?),
                extents: extents.remove(&id).unwrap_or_default(),
                salt: columns::salt(row.bytes_if_any(6)?)?,
            })
        });
        parts.collect()
    }

    /// One page of a bucket's unfinished uploads.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn list_uploads(&self, bucket: BucketId, query: &UploadListQuery) -> Result<UploadPage> {
        let mut page = UploadPage::default();
        if query.limit == 0 {
            return Ok(page);
        }
        let mut session = self.database().reader().await?;
        let mut roll = RollUp::new(&query.prefix, &query.delimiter, query.limit);
        let end = roll.end();
        let mut from = match &query.upload_marker {
            // The marker's own key may have more uploads, unless it was rolled up.
            Some(id) if query.key_marker.starts_with(&query.prefix) => {
                let next = roll.first_after(&query.key_marker);
                if next == successor(&query.key_marker) {
                    (query.key_marker.clone(), successor(&id.0))
                } else {
                    (next, Vec::new())
                }
            }
            _ => (roll.first_after(&query.key_marker), Vec::new()),
        };
        while from.0 < end {
            let wanted = roll.piece();
            let text = format!(
                "SELECT {COLUMNS} FROM upload WHERE bucket_id = $1 AND (key, id) >= ($2, $3) AND key < $4 \
                 ORDER BY key, id LIMIT $5"
            );
            let statement =
                Statement::new(text).bind(bucket.0).bind(from.0).bind(from.1).bind(&*end).bind(limit(wanted));
            let rows = session.rows(statement).await?;
            for row in &rows {
                match roll.classify(row.bytes(2)?) {
                    KeyDisposition::Skip => {}
                    KeyDisposition::Key => page.entries.push(UploadEntry::Upload(upload(row)?)),
                    KeyDisposition::Prefix(prefix) => page.entries.push(UploadEntry::Prefix(prefix.to_vec())),
                    KeyDisposition::Full => {
                        page.truncated = true;
                        return Ok(page);
                    }
                }
            }
            let Some(last) = rows.last().filter(|_| rows.len() == wanted) else { break };
            let (key, id) = (last.bytes(2)?, last.bytes(0)?);
            let next = roll.go_on(key);
            from = if next == successor(key) { (key.to_vec(), successor(id)) } else { (next, Vec::new()) };
        }
        Ok(page)
    }

    /// Ends an upload: it is gone at once, and its parts go after it, a bounded number in each transaction.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn abort_upload(&self, bucket: BucketId, key: &ObjectKey, id: &UploadId) -> Result<AbortUpload> {
        // Not on behalf of an incarnation: what it releases is metered under the number 0.
        let given = Circumstances::now(&self.shared, 0);
        let outcome = self.database().transact(Abort { bucket, key: key.clone(), id: *id, given }).await?;
        if outcome == AbortUpload::Aborted {
            self.remove_rest(id.0).await;
        }
        Ok(outcome)
    }
}

struct Create {
    upload: Upload,
    owner: UserId,
}

impl Work for Create {
    type Done = CreateUpload;

    async fn run(&self, tx: &mut Session) -> Result<CreateUpload> {
        let upload = &self.upload;
        let mut facts = Facts::default();
        load::ask(tx, &mut facts, [load::buckets(tx.dialect(), BTreeSet::from([upload.bucket]))]).await?;
        if facts.buckets.is_empty() {
            return Ok(CreateUpload::NoSuchBucket);
        }
        if facts.buckets.values().all(|fact| fact.lock.is_none()) && upload.lock != VersionLock::NONE {
            return Ok(CreateUpload::NoObjectLock);
        }
        let quotas = load::quotas(tx.dialect(), &facts);
        load::ask(tx, &mut facts, [quotas]).await?;
        for (bucket, fact) in &facts.buckets {
            if !Planner::new(&facts).fits_extras(*bucket, *fact, 1) {
                return Ok(CreateUpload::QuotaExceeded);
            }
            if fact.has_quota {
                count_upload(tx, *bucket, fact.owner).await?;
            }
        }
        let current = tx.row(load_versions::current_id(upload.bucket, &upload.key)).await?;
        let begun_over = current.as_ref().map_or(Ok(Vec::new()), |row| row.bytes(0).map(<[u8]>::to_vec))?;
        let text = "INSERT INTO upload (id, bucket_id, key, account_id, checksum, attributes, created_at, lock_mode, \
                    retain_until, legal_hold, begun_over) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let [mode, until, hold] = lock_columns::version_lock_values(upload.lock);
        let statement = Statement::new(text)
            .bind(upload.id.0)
            .bind(upload.bucket.0)
            .bind(upload.key.as_bytes())
            .bind(self.owner.0)
            .bind(upload.checksum.map(|(algorithm, kind)| checksum_head(algorithm, kind)))
            .bind(attributes_text(&upload.attributes)?)
            .bind(upload.created_at.0)
            .bind(mode)
            .bind(until)
            .bind(hold)
            .bind(begun_over);
        tx.execute(statement).await?;
        Ok(CreateUpload::Created)
    }
}

/// Adds an upload to the sums of the quotas over its bucket.
async fn count_upload(tx: &mut Session, bucket: BucketId, owner: UserId) -> Result<()> {
    let text =
        "UPDATE quota SET extras = extras + 1 WHERE (scope = 'bucket' AND id = $1) OR (scope = 'user' AND id = $2)";
    tx.execute(Statement::new(text).bind(bucket.0).bind(owner.0)).await.map(drop)
}

struct Abort {
    bucket: BucketId,
    key: ObjectKey,
    id: UploadId,
    given: Circumstances,
}

impl Work for Abort {
    type Done = AbortUpload;

    async fn run(&self, tx: &mut Session) -> Result<AbortUpload> {
        let mut facts = Facts::default();
        let dialect = tx.dialect();
        let first = [
            load::now(dialect, None),
            load::buckets(dialect, BTreeSet::from([self.bucket])),
            load::uploads(dialect, BTreeSet::from([self.id]), true),
        ];
        load::ask(tx, &mut facts, first).await?;
        let named = facts.uploads.get(&self.id).is_some_and(|fact| fact.bucket == self.bucket && fact.key == self.key);
        if !named {
            return Ok(AbortUpload::NoSuchUpload);
        }
        let sums = part_sums(tx, &BTreeSet::from([self.id])).await?;
        let mut planner = Planner::new(&facts);
        planner.abandon(self.bucket, self.id, sums.get(&self.id).copied().unwrap_or_default());
        apply(tx, &facts, &planner.finish()?, self.given).await?;
        Ok(AbortUpload::Aborted)
    }
}

/// What the parts of uploads come to; uploads without parts are not named. Nobody writes a part, or moves its bytes, while the uploads
/// are held.
pub(in crate::metadata) async fn part_sums(
    tx: &mut Session,
    uploads: &BTreeSet<UploadId>,
) -> Result<HashMap<UploadId, PartSums>> {
    let head = "SELECT upload_id, CAST(SUM(size) AS BIGINT), CAST(SUM(encoded_bytes) AS BIGINT) FROM part \
                WHERE upload_id IN (VALUES ";
    let ids = uploads.iter().map(|id| [Value::from(id.0)]).collect();
    let rows = tx.rows_of_rows(head, ids, ") GROUP BY upload_id").await?;
    rows.iter()
        .map(|row| {
            let sums = PartSums { size: row.number(1)?, encoded_bytes: row.number(2)? };
            Ok((UploadId(row.array(0)?), sums))
        })
        .collect()
}

fn upload(row: &Row) -> Result<Upload> {
    let checksum = row.bytes_if_any(4)?.map(columns::split_checksum).transpose()?;
    Ok(Upload {
        id: UploadId(row.array(0)?),
        bucket: BucketId(row.int(1)?),
        key: columns::key(row.bytes(2)?)?,
        attributes: columns::attributes(row.text(3)?)?,
        checksum: checksum.map(|(algorithm, kind, _)| (algorithm, kind)),
        created_at: Timestamp(row.int(5)?),
        lock: lock_columns::version_lock(row, 6)?,
    })
}
