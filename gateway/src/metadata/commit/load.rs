//! Reads and locks the rows a transaction is about, always in the same order: incarnation, buckets, uploads, keys, parts,
//! extents, blobs. Within each, ascending. So two gateways wait for each other but not in a circle.

use std::collections::{BTreeSet, HashMap};

use codec::BlobId;

use super::super::columns::{self, etag};
use super::super::compact::ExtentOwner;
use super::super::dialect::Dialect;
use super::super::row::Row;
use super::super::session::Session;
use super::super::statement::{Statement, Value};
use super::super::{MetadataError, Result};
use super::facts::{BlobFact, CurrentFact, Facts, PartFact, UploadFact};
use crate::domain::{BucketId, ObjectKey, PartNumber, UploadId, VersionId};

/// Checks that the incarnation may commit, keeps it so until the end of the transaction, and answers the database's time.
pub(in crate::metadata) async fn fence(tx: &mut Session, incarnation: u32) -> Result<i64> {
    let dialect = tx.dialect();
    let text =
        format!("SELECT {} FROM incarnation WHERE id = $1 AND NOT is_dead{}", dialect.now(), dialect.for_share());
    tx.row(Statement::new(text).bind(incarnation)).await?.ok_or(MetadataError::Fenced)?.int(0)
}

/// The database's time.
pub(in crate::metadata) async fn now(tx: &mut Session) -> Result<i64> {
    let text = format!("SELECT {}", tx.dialect().now());
    tx.row(Statement::new(text)).await?.ok_or_else(|| MetadataError::Damaged("no time".to_owned()))?.int(0)
}

/// Buckets, kept from being deleted.
pub(in crate::metadata) async fn buckets(tx: &mut Session, facts: &mut Facts, ids: BTreeSet<BucketId>) -> Result<()> {
    let tail = format!(") ORDER BY id{}", tx.dialect().for_share());
    let rows = ids.into_iter().map(|id| [Value::Int(id.0)]).collect();
    for row in tx.rows_of_rows("SELECT id FROM bucket WHERE id IN (VALUES ", rows, &tail).await? {
        facts.buckets.insert(BucketId(row.int(0)?));
    }
    Ok(())
}

/// Uploads: shared by those who write parts, alone for who ends them.
pub(in crate::metadata) async fn uploads(
    tx: &mut Session,
    facts: &mut Facts,
    ids: BTreeSet<UploadId>,
    alone: bool,
) -> Result<()> {
    let dialect = tx.dialect();
    let tail = format!(") ORDER BY id{}", if alone { dialect.for_update() } else { dialect.for_share() });
    let rows = ids.into_iter().map(|id| [Value::from(id.0)]).collect();
    let found = tx.rows_of_rows("SELECT id, bucket_id, key FROM upload WHERE id IN (VALUES ", rows, &tail).await?;
    for row in found {
        let fact = UploadFact { bucket: BucketId(row.int(1)?), key: columns::key(row.bytes(2)?)? };
        facts.uploads.insert(UploadId(row.array(0)?), fact);
    }
    Ok(())
}

/// The current versions of keys. Keys without one have no row to lock: inserting two is refused by `version_current`.
pub(in crate::metadata) async fn currents(
    tx: &mut Session,
    facts: &mut Facts,
    keys: &BTreeSet<(BucketId, &ObjectKey)>,
) -> Result<()> {
    for row in current_rows(tx, keys, true).await? {
        let fact = CurrentFact {
            seq: row.int(2)?,
            id: VersionId(row.array(3)?),
            size: row.number(4)?,
            etag: etag(row.bytes(5)?)?,
            encoded_bytes: row.number(6)?,
            has_parts: row.int(7)? > 0,
        };
        facts.currents.insert((BucketId(row.int(0)?), columns::key(row.bytes(1)?)?), fact);
    }
    Ok(())
}

/// On PostgreSQL, a locking SELECT that waited for a version which was then replaced finds neither the old nor the new one.
/// Asks again, without waiting, about keys that seemed to have no version.
///
/// # Errors
/// [`MetadataError::Conflict`] when one of them has: the transaction must be run again.
pub(in crate::metadata) async fn confirm_absent(
    tx: &mut Session,
    keys: &BTreeSet<(BucketId, &ObjectKey)>,
) -> Result<()> {
    if tx.dialect() == Dialect::Sqlite || keys.is_empty() || current_rows(tx, keys, false).await?.is_empty() {
        Ok(())
    } else {
        Err(MetadataError::Conflict)
    }
}

async fn current_rows(tx: &mut Session, keys: &BTreeSet<(BucketId, &ObjectKey)>, lock: bool) -> Result<Vec<Row>> {
    let tail = if lock && tx.dialect() == Dialect::Postgres {
        ") SELECT v.bucket_id, v.key, v.seq, v.version_id, v.size, v.etag, v.encoded_bytes, v.part_count FROM k \
         JOIN version v ON v.bucket_id = k.bucket_id AND v.key = k.key AND v.is_current \
         ORDER BY v.bucket_id, v.key FOR UPDATE OF v"
    } else {
        ") SELECT v.bucket_id, v.key, v.seq, v.version_id, v.size, v.etag, v.encoded_bytes, v.part_count FROM k \
         CROSS JOIN version v WHERE v.bucket_id = k.bucket_id AND v.key = k.key AND v.is_current"
    };
    let rows = keys.iter().map(|(bucket, key)| [Value::Int(bucket.0), key.as_bytes().into()]).collect();
    tx.rows_of_rows("WITH k (bucket_id, key) AS (VALUES ", rows, tail).await
}

/// Single parts, which are about to be replaced.
pub(in crate::metadata) async fn parts(
    tx: &mut Session,
    facts: &mut Facts,
    places: &BTreeSet<(UploadId, PartNumber)>,
) -> Result<()> {
    let tail = format!(") ORDER BY upload_id, number{}", tx.dialect().for_update());
    let head = "SELECT upload_id, number, part_id, size, etag, encoded_bytes FROM part \
                WHERE (upload_id, number) IN (VALUES ";
    let rows = places.iter().map(|(id, number)| [id.0.into(), u32::from(number.get()).into()]).collect();
    for row in tx.rows_of_rows(head, rows, &tail).await? {
        add_part(facts, &row)?;
    }
    Ok(())
}

/// All parts of uploads.
pub(in crate::metadata) async fn parts_of(tx: &mut Session, facts: &mut Facts, ids: BTreeSet<UploadId>) -> Result<()> {
    let tail = format!(") ORDER BY upload_id, number{}", tx.dialect().for_update());
    let head = "SELECT upload_id, number, part_id, size, etag, encoded_bytes FROM part WHERE upload_id IN (VALUES ";
    let rows = ids.into_iter().map(|id| [Value::from(id.0)]).collect();
    for row in tx.rows_of_rows(head, rows, &tail).await? {
        add_part(facts, &row)?;
    }
    Ok(())
}

fn add_part(facts: &mut Facts, row: &Row) -> Result<()> {
    let number = PartNumber::new(row.int(1)?).map_err(|error| MetadataError::Damaged(error.to_string()))?;
    let fact = PartFact {
        id: ExtentOwner(row.array(2)?),
        size: row.number(3)?,
        etag: etag(row.bytes(4)?)?,
        encoded_bytes: row.number(5)?,
    };
    facts.parts.insert((UploadId(row.array(0)?), number), fact);
    Ok(())
}

/// Versions to copy from that have extents. What protects their bytes is that the blobs are locked and alive; this only
/// keeps a copy of something deleted from succeeding.
pub(in crate::metadata) async fn sources(tx: &mut Session, facts: &mut Facts, ids: BTreeSet<VersionId>) -> Result<()> {
    let rows = ids.into_iter().map(|id| [Value::from(id.0)]).collect();
    let head = "SELECT owner FROM extent WHERE ordinal = 0 AND owner IN (VALUES ";
    for row in tx.rows_of_rows(head, rows, ")").await? {
        facts.sources.insert(VersionId(row.array(0)?));
    }
    Ok(())
}

/// The extents of what may be replaced or released, in order.
pub(in crate::metadata) async fn extents(
    tx: &mut Session,
    facts: &mut Facts,
    owners: BTreeSet<ExtentOwner>,
) -> Result<()> {
    let tail = format!(") ORDER BY owner, ordinal{}", tx.dialect().for_update());
    let head = "SELECT owner, ordinal, blob_id, blob_offset, length FROM extent WHERE owner IN (VALUES ";
    let rows = owners.into_iter().map(|owner| [Value::from(owner.0)]).collect();
    let mut found = HashMap::<ExtentOwner, Vec<_>>::new();
    for row in tx.rows_of_rows(head, rows, &tail).await? {
        let list = found.entry(ExtentOwner(row.array(0)?)).or_default();
        if row.number::<usize>(1)? != list.len() {
            return Err(MetadataError::Damaged("extents are not numbered from 0".to_owned()));
        }
        list.push(columns::extent(&row, 2)?);
    }
    facts.extents.extend(found);
    Ok(())
}

/// Blobs whose live bytes may change.
pub(in crate::metadata) async fn blobs(tx: &mut Session, facts: &mut Facts, ids: BTreeSet<BlobId>) -> Result<()> {
    let tail = format!(") ORDER BY id{}", tx.dialect().for_update());
    let head = "SELECT id, live_bytes, scheme, chunk_bytes, chunks_per_block, content_len, catalog_len FROM blob \
                WHERE id IN (VALUES ";
    let rows = ids.into_iter().map(|id| [Value::from(id.0)]).collect();
    for row in tx.rows_of_rows(head, rows, &tail).await? {
        let layout = columns::layout(&row, 2)?;
        let fact =
            BlobFact { live_bytes: row.number(1)?, content_len: layout.content_len, encoded_len: layout.encoded_len() };
        facts.blobs.insert(BlobId(row.array(0)?), fact);
    }
    Ok(())
}

/// Everything that ending uploads releases: their parts, the parts' extents, the extents' blobs.
pub(in crate::metadata) async fn released(tx: &mut Session, facts: &mut Facts, ids: BTreeSet<UploadId>) -> Result<()> {
    parts_of(tx, facts, ids).await?;
    extents(tx, facts, facts.parts.values().map(|part| part.id).collect()).await?;
    blobs(tx, facts, facts.extents.values().flatten().map(|extent| extent.blob).collect()).await
}
