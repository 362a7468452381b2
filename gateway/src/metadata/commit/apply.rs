//! Carries out a plan: a fixed number of statements, each for many rows, nothing decided.

use super::super::columns::{attributes_text, checksum_value, etag_bytes, int};
use super::super::dialect::Dialect;
use super::super::session::Session;
use super::super::statement::{Statement, Value};
use super::super::{MetadataError, Result};
use super::plan::Plan;
use crate::domain::Extent;

/// What rows say besides the plan.
#[derive(Clone, Copy, Debug)]
pub(in crate::metadata) struct Circumstances {
    /// The database's time, in microseconds.
    pub now: i64,
    /// How long dead blobs stay.
    pub grace_seconds: i64,
    /// Whose meters are written.
    pub incarnation: u32,
}

/// Applies a plan.
pub(in crate::metadata) async fn apply(tx: &mut Session, plan: &Plan<'_>, given: Circumstances) -> Result<()> {
    remove(tx, plan).await?;
    insert_versions(tx, plan).await?;
    insert_parts(tx, plan).await?;
    insert_extents(tx, plan).await?;
    insert_blobs(tx, plan, given.now).await?;
    update_live_bytes(tx, plan).await?;
    bury_dead_blobs(tx, plan, given).await?;
    meter(tx, plan, given).await
}

async fn remove(tx: &mut Session, plan: &Plan<'_>) -> Result<()> {
    let versions: Vec<[Value; 3]> = plan
        .removed_versions
        .iter()
        .map(|(bucket, key, seq)| [bucket.0.into(), key.as_bytes().into(), (*seq).into()])
        .collect();
    let wanted = versions.len();
    let gone = tx.execute_rows("DELETE FROM version WHERE (bucket_id, key, seq) IN (VALUES ", versions, ")").await?;
    expect_rows("version", gone, wanted)?;
    let ids = plan.removed_version_parts.iter().map(|id| [id.0.into()]).collect::<Vec<[Value; 1]>>();
    tx.execute_rows("DELETE FROM version_part WHERE version_id IN (VALUES ", ids, ")").await?;
    let parts: Vec<[Value; 2]> =
        plan.removed_parts.iter().map(|(upload, number)| [upload.0.into(), u32::from(number.get()).into()]).collect();
    let wanted = parts.len();
    let gone = tx.execute_rows("DELETE FROM part WHERE (upload_id, number) IN (VALUES ", parts, ")").await?;
    expect_rows("part", gone, wanted)?;
    let uploads = plan.removed_uploads.iter().map(|id| [id.0.into()]).collect::<Vec<[Value; 1]>>();
    tx.execute_rows("DELETE FROM upload WHERE id IN (VALUES ", uploads, ")").await?;
    let owners = plan.removed_owners.iter().map(|owner| [owner.0.into()]).collect::<Vec<[Value; 1]>>();
    tx.execute_rows("DELETE FROM extent WHERE owner IN (VALUES ", owners, ")").await?;
    Ok(())
}

async fn insert_versions(tx: &mut Session, plan: &Plan<'_>) -> Result<()> {
    if plan.versions.is_empty() {
        return Ok(());
    }
    let numbers = take_numbers(tx, plan.versions.len()).await?;
    let mut rows = Vec::with_capacity(plan.versions.len());
    let mut parts = Vec::new();
    for (planned, seq) in plan.versions.iter().zip(numbers) {
        let version = planned.version;
        rows.push([
            planned.bucket.0.into(),
            version.key.as_bytes().into(),
            seq.into(),
            true.into(),
            int(version.size)?.into(),
            etag_bytes(&version.etag).into(),
            version.modified_at.0.into(),
            checksum_value(version.checksum.as_ref()),
            version.id.0.into(),
            int(planned.encoded_bytes)?.into(),
            count(planned.extents.len())?,
            count(planned.parts.len())?,
            attributes_text(&version.attributes)?,
        ]);
        for part in planned.parts {
            parts.push([
                version.id.0.into(),
                u32::from(part.number.get()).into(),
                int(part.size)?.into(),
                checksum_value(part.checksum.as_ref()),
            ]);
        }
    }
    let head = "INSERT INTO version (bucket_id, key, seq, is_current, size, etag, modified_at, checksum, version_id, \
                encoded_bytes, extent_count, part_count, attributes) VALUES ";
    tx.execute_rows(head, rows, "").await?;
    tx.execute_rows("INSERT INTO version_part (version_id, number, size, checksum) VALUES ", parts, "").await?;
    Ok(())
}

/// As many numbers of the version sequence, ascending. They are taken after the keys were locked, so that of two versions
/// of a key the later one has the higher number.
async fn take_numbers(tx: &mut Session, wanted: usize) -> Result<Vec<i64>> {
    let dialect = tx.dialect();
    let wanted = i64::try_from(wanted).map_err(|_| MetadataError::Damaged("too many versions".to_owned()))?;
    let rows = tx.rows(Statement::new(dialect.take_sequence()).bind(wanted)).await?;
    match dialect {
        Dialect::Postgres => rows.iter().map(|row| row.int(0)).collect(),
        Dialect::Sqlite => {
            let row = rows.first().ok_or_else(|| MetadataError::Damaged("version_seq is missing".to_owned()))?;
            let last = row.int(0)?;
            Ok((last - wanted + 1..=last).collect())
        }
    }
}

async fn insert_parts(tx: &mut Session, plan: &Plan<'_>) -> Result<()> {
    let mut rows = Vec::with_capacity(plan.parts.len());
    for planned in &plan.parts {
        let part = planned.part;
        rows.push([
            planned.upload.0.into(),
            u32::from(part.number.get()).into(),
            planned.id.0.into(),
            int(part.size)?.into(),
            etag_bytes(&part.etag).into(),
            checksum_value(part.checksum.as_ref()),
            part.modified_at.0.into(),
            int(planned.encoded_bytes)?.into(),
        ]);
    }
    let head =
        "INSERT INTO part (upload_id, number, part_id, size, etag, checksum, modified_at, encoded_bytes) VALUES ";
    tx.execute_rows(head, rows, "").await?;
    Ok(())
}

async fn insert_extents(tx: &mut Session, plan: &Plan<'_>) -> Result<()> {
    let mut rows = Vec::new();
    let mut add = |owner: [u8; 16], extents: &[Extent]| -> Result<()> {
        for (ordinal, extent) in extents.iter().enumerate() {
            rows.push([
                owner.into(),
                count(ordinal)?,
                extent.blob.0.into(),
                int(extent.offset)?.into(),
                int(extent.length)?.into(),
            ]);
        }
        Ok(())
    };
    for planned in &plan.versions {
        add(planned.version.id.0, &planned.extents)?;
    }
    for planned in &plan.parts {
        add(planned.id.0, &planned.part.extents)?;
    }
    tx.execute_rows("INSERT INTO extent (owner, ordinal, blob_id, blob_offset, length) VALUES ", rows, "").await?;
    for wanted in &plan.moves {
        let text = "UPDATE extent SET blob_id = $1, blob_offset = $2 WHERE owner = $3 AND ordinal = $4";
        let statement = Statement::new(text)
            .bind(wanted.to.blob.0)
            .bind(int(wanted.to.offset)?)
            .bind(wanted.from.owner.0)
            .bind(wanted.from.ordinal);
        let moved = tx.execute(statement).await?;
        expect_rows("extent", moved, 1)?;
    }
    Ok(())
}

async fn insert_blobs(tx: &mut Session, plan: &Plan<'_>, now: i64) -> Result<()> {
    let mut blobs = Vec::with_capacity(plan.blobs.len());
    let mut slivers = Vec::new();
    let mut jobs = Vec::new();
    for (new, live) in &plan.blobs {
        let blob = &new.blob;
        let layout = &blob.layout;
        blobs.push([
            blob.id.0.into(),
            Value::Text(layout.shape.scheme.to_string()),
            layout.shape.chunk_bytes.into(),
            u32::from(layout.shape.chunks_per_block).into(),
            int(layout.content_len)?.into(),
            layout.catalog_len.into(),
            blob.wrapped_key.0.into(),
            int(*live)?.into(),
            new.quilt.into(),
            now.into(),
        ]);
        for placement in &blob.placements {
            slivers.push([
                blob.id.0.into(),
                u32::from(placement.index).into(),
                placement.attempt.into(),
                placement.backend.as_str().into(),
                placement.root.0.into(),
            ]);
        }
        if new.degraded && *live > 0 {
            jobs.push(["repair".into(), blob.id.0.into(), now.into()]);
        }
    }
    let head = "INSERT INTO blob (id, scheme, chunk_bytes, chunks_per_block, content_len, catalog_len, wrapped_key, \
                live_bytes, is_quilt, created_at) VALUES ";
    tx.execute_rows(head, blobs, "").await?;
    tx.execute_rows("INSERT INTO sliver (blob_id, sliver_index, attempt, backend, root) VALUES ", slivers, "").await?;
    let tail = " ON CONFLICT (kind, blob_id) DO NOTHING";
    tx.execute_rows("INSERT INTO job (kind, blob_id, created_at) VALUES ", jobs, tail).await?;
    Ok(())
}

async fn update_live_bytes(tx: &mut Session, plan: &Plan<'_>) -> Result<()> {
    let mut rows = Vec::with_capacity(plan.live_bytes.len());
    for (id, live) in &plan.live_bytes {
        rows.push([Value::from(id.0), int(*live)?.into()]);
    }
    let wanted = rows.len();
    let tail = ") UPDATE blob SET live_bytes = n.live_bytes FROM n WHERE blob.id = n.id";
    let changed = tx.execute_rows("WITH n (id, live_bytes) AS (VALUES ", rows, tail).await?;
    expect_rows("blob", changed, wanted)
}

async fn bury_dead_blobs(tx: &mut Session, plan: &Plan<'_>, given: Circumstances) -> Result<()> {
    let not_before = given.now.saturating_add(given.grace_seconds.saturating_mul(1_000_000));
    let rows: Vec<[Value; 2]> = plan.died.iter().map(|id| [id.0.into(), not_before.into()]).collect();
    tx.execute_rows("INSERT INTO reclaim (blob_id, not_before) VALUES ", rows, "").await?;
    Ok(())
}

async fn meter(tx: &mut Session, plan: &Plan<'_>, given: Circumstances) -> Result<()> {
    let hour = given.now.div_euclid(3_600_000_000);
    let mut rows = Vec::with_capacity(plan.flows.len());
    for (bucket, flow) in &plan.flows {
        rows.push([
            bucket.0.into(),
            hour.into(),
            given.incarnation.into(),
            int(flow.encoded_added)?.into(),
            int(flow.encoded_removed)?.into(),
            int(flow.content_added)?.into(),
            int(flow.content_removed)?.into(),
        ]);
    }
    let head = "WITH n (bucket_id, hour, incarnation, ea, er, ca, cr) AS (VALUES ";
    let tail = ") INSERT INTO meter (bucket_id, hour, incarnation, requests_read, requests_write, ingress_bytes, \
                egress_bytes, encoded_bytes_added, encoded_bytes_removed, content_bytes_added, content_bytes_removed) \
                SELECT bucket_id, hour, incarnation, 0, 0, 0, 0, ea, er, ca, cr FROM n WHERE TRUE \
                ON CONFLICT (bucket_id, hour, incarnation) DO UPDATE SET \
                encoded_bytes_added = meter.encoded_bytes_added + excluded.encoded_bytes_added, \
                encoded_bytes_removed = meter.encoded_bytes_removed + excluded.encoded_bytes_removed, \
                content_bytes_added = meter.content_bytes_added + excluded.content_bytes_added, \
                content_bytes_removed = meter.content_bytes_removed + excluded.content_bytes_removed";
    tx.execute_rows(head, rows, tail).await?;
    Ok(())
}

fn count(value: usize) -> Result<Value> {
    let value = i64::try_from(value).map_err(|_| MetadataError::Damaged("a count does not fit".to_owned()))?;
    Ok(Value::Int(value))
}

/// Rows that were read and locked in this transaction are still there; if not, something is wrong with the locks, and
/// running the transaction again is better than going on.
fn expect_rows(table: &str, changed: u64, wanted: usize) -> Result<()> {
    if usize::try_from(changed).is_ok_and(|changed| changed == wanted) {
        Ok(())
    } else {
        tracing::warn!(table, changed, wanted, "rows changed under a lock");
        Err(MetadataError::Conflict)
    }
}
