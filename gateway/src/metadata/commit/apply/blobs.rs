//! Rows of blobs, and what is to be done about them.

use codec::BlobId;

use crate::domain::RepairRank;
use crate::metadata::blobs::sparse::is_sparse;
use crate::metadata::commit::apply::writes::Writes;
use crate::metadata::commit::facts::Facts;
use crate::metadata::commit::plan::Plan;
use crate::metadata::engine::columns::{int, urgency};
use crate::metadata::engine::statement::Value;
use crate::metadata::error::Result;

pub(super) fn insert_blobs(writes: &mut Writes, plan: &Plan<'_>, now: i64) -> Result<()> {
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
            let rank = RepairRank::of(layout.shape.scheme, blob.placements.len());
            jobs.push(["repair".into(), blob.id.0.into(), now.into(), urgency(rank).into()]);
        }
    }
    let columns = "id, scheme, chunk_bytes, chunks_per_block, content_len, catalog_len, wrapped_key, live_bytes, is_quilt, \
                   created_at";
    let serial = writes.dialect().next_serial();
    let tail = format!(") INSERT INTO blob ({columns}, serial) SELECT {columns}, {serial} FROM n");
    writes.rows(&format!("WITH n ({columns}) AS (VALUES "), blobs, &tail);
    writes.rows("INSERT INTO sliver (blob_id, sliver_index, attempt, backend, root) VALUES ", slivers, "");
    let tail = " ON CONFLICT (kind, blob_id) DO NOTHING";
    writes.rows("INSERT INTO job (kind, blob_id, created_at, urgency) VALUES ", jobs, tail);
    Ok(())
}

pub(super) fn update_live_bytes(writes: &mut Writes, plan: &Plan<'_>) -> Result<()> {
    let mut rows = Vec::with_capacity(plan.live_bytes.len());
    for (id, live) in &plan.live_bytes {
        rows.push([id.0.into(), int(*live)?.into()]);
    }
    let tail = ") UPDATE blob SET live_bytes = n.live_bytes FROM n WHERE blob.id = n.id";
    writes.exactly("blob", "WITH n (id, live_bytes) AS (VALUES ", rows, tail);
    Ok(())
}

/// Asks for what little lives of a blob to be moved, once: when it becomes sparse. Quilts have an index of their own.
pub(super) fn enqueue_thin_blobs(writes: &mut Writes, facts: &Facts, plan: &Plan<'_>, now: i64) {
    let thin = |id: &BlobId, live: u64| {
        let fact = facts.blobs.get(id);
        fact.is_some_and(|fact| is_sparse(live, fact.content_len) && !is_sparse(fact.live_bytes, fact.content_len))
    };
    let rows = plan.live_bytes.iter().filter(|(id, live)| thin(id, *live)).map(|(id, _)| [id.0.into()]).collect();
    let head = format!(
        "INSERT INTO job (kind, blob_id, created_at, waits) SELECT 'thin', id, {now}, TRUE FROM blob \
         WHERE NOT is_quilt AND id IN (VALUES "
    );
    writes.rows(&head, rows, ") ON CONFLICT (kind, blob_id) DO NOTHING");
}

pub(super) fn enqueue_dead_blobs(writes: &mut Writes, plan: &Plan<'_>, now: i64, grace_seconds: i64) {
    let not_before = now.saturating_add(grace_seconds.saturating_mul(1_000_000));
    let rows = plan.died.iter().map(|id| [id.0.into(), not_before.into()]).collect();
    writes.rows("INSERT INTO reclaim (blob_id, not_before) VALUES ", rows, "");
}
