//! Applies a plan: a fixed number of statements, each for many rows, sent together; decides nothing.

use codec::BlobId;

use crate::domain::{Extent, RepairRank};
use crate::metadata::buckets::quota_row::QuotaChange;
use crate::metadata::commit::facts::{Facts, MeteredRow};
use crate::metadata::commit::plan::{Plan, PlannedVersion, VersionRow};
use crate::metadata::engine::columns::{attributes_text, checksum_value, etag_bytes, int, urgency};
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::lock_columns::version_lock_values;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::shared::Shared;

/// On whose behalf a plan is applied, and what that gateway is configured to do.
#[derive(Clone, Copy, Debug)]
pub(in crate::metadata) struct Circumstances {
    /// Whose meters are written. Number 0 is that of nobody in particular.
    pub incarnation: u32,
    /// How long dead blobs stay. The queue holds when each is due, and not when it died, because every gateway on the
    /// database, also one of an earlier release, deletes what is due.
    grace_seconds: i64,
}

impl Circumstances {
    /// As they are now.
    pub(in crate::metadata) fn now(shared: &Shared, incarnation: u32) -> Self {
        Self { incarnation, grace_seconds: shared.grace_seconds() }
    }
}

/// Applies a plan.
pub(in crate::metadata) async fn apply(
    tx: &mut Session,
    facts: &Facts,
    plan: &Plan<'_>,
    given: Circumstances,
) -> Result<()> {
    let now = facts.fenced_now()?;
    let mut writes = Writes { dialect: tx.dialect(), statements: Vec::new(), exact: Vec::new() };
    remove(&mut writes, plan);
    update_current_flags(&mut writes, plan);
    insert_versions(&mut writes, facts, plan)?;
    amend(&mut writes, plan)?;
    insert_parts(&mut writes, plan)?;
    insert_extents(&mut writes, plan)?;
    move_extents(&mut writes, plan)?;
    remeter(&mut writes, plan)?;
    insert_blobs(&mut writes, plan, now)?;
    update_live_bytes(&mut writes, plan)?;
    enqueue_thin_blobs(&mut writes, facts, plan, now);
    enqueue_dead_blobs(&mut writes, plan, now, given.grace_seconds);
    meter(&mut writes, plan, now, given.incarnation)?;
    sum_up(&mut writes, plan);
    writes.send(tx).await
}

/// Statements that only write.
struct Writes {
    dialect: Dialect,
    statements: Vec<Statement>,
    /// Statements that change rows which were read and locked: which tables', from which statement to which, and how many
    /// rows in all.
    exact: Vec<(&'static str, std::ops::Range<usize>, usize)>,
}

impl Writes {
    /// `head (..), (..) tail` for all rows; nothing for none.
    fn rows<const N: usize>(&mut self, head: &str, rows: Vec<[Value; N]>, tail: &str) {
        self.statements.extend(Statement::pieces(self.dialect, head, rows, tail));
    }

    /// The same for rows that were read and locked, and so must all be changed.
    fn exactly<const N: usize>(&mut self, table: &'static str, head: &str, rows: Vec<[Value; N]>, tail: &str) {
        let (first, wanted) = (self.statements.len(), rows.len());
        self.rows(head, rows, tail);
        self.exact.push((table, first..self.statements.len(), wanted));
    }

    async fn send(self, tx: &mut Session) -> Result<()> {
        let answers = tx.all(self.statements).await?;
        for (table, statements, wanted) in self.exact {
            let changed: u64 = answers.get(statements).unwrap_or_default().iter().map(|answer| answer.changed).sum();
            if usize::try_from(changed) != Ok(wanted) {
                // A locking defect: retrying the transaction is better than continuing.
                tracing::warn!(table, changed, wanted, "rows changed under a lock");
                return Err(MetadataError::Conflict);
            }
        }
        Ok(())
    }
}

fn remove(writes: &mut Writes, plan: &Plan<'_>) {
    let versions = plan.removed_versions.iter().map(by_key).collect();
    writes.exactly("version", "DELETE FROM version WHERE (bucket_id, key, seq) IN (VALUES ", versions, ")");
    let ids = plan.removed_version_parts.iter().map(|id| [id.0.into()]).collect();
    writes.rows("DELETE FROM version_part WHERE version_id IN (VALUES ", ids, ")");
    let parts =
        plan.removed_parts.iter().map(|(upload, number)| [upload.0.into(), u32::from(number.get()).into()]).collect();
    writes.exactly("part", "DELETE FROM part WHERE (upload_id, number) IN (VALUES ", parts, ")");
    let uploads = plan.removed_uploads.iter().map(|id| [id.0.into()]).collect();
    writes.exactly("upload", "DELETE FROM upload WHERE id IN (VALUES ", uploads, ")");
    let owners = plan.removed_owners.iter().map(|owner| [owner.0.into()]).collect();
    writes.rows("DELETE FROM extent WHERE owner IN (VALUES ", owners, ")");
}

fn by_key(row: &VersionRow) -> [Value; 3] {
    [row.bucket.0.into(), row.key.as_bytes().into(), row.seq.into()]
}

/// Versions that were current are not any more, before others become it: never are there two.
fn update_current_flags(writes: &mut Writes, plan: &Plan<'_>) {
    for (rows, becomes) in [(&plan.demoted, "FALSE"), (&plan.promoted, "TRUE")] {
        let head = format!("UPDATE version SET is_current = {becomes} WHERE (bucket_id, key, seq) IN (VALUES ");
        writes.exactly("version", &head, rows.iter().map(by_key).collect(), ")");
    }
}

/// Versions of buckets without versioning leave the versioning columns at their defaults.
fn insert_versions(writes: &mut Writes, facts: &Facts, plan: &Plan<'_>) -> Result<()> {
    if facts.numbers.len() < plan.versions.len() {
        return Err(MetadataError::Damaged("the version sequence gave too few numbers".to_owned()));
    }
    let (mut plain, mut others, mut parts) = (Vec::with_capacity(plan.versions.len()), Vec::new(), Vec::new());
    for (planned, seq) in plan.versions.iter().zip(&facts.numbers) {
        let columns = version_columns(planned, *seq)?;
        let version = &planned.version;
        if planned.plain() {
            plain.push(columns);
        } else {
            let mut all = [const { Value::NoInt }; 20];
            let more = [planned.marker.into(), version.null.into()];
            let more = more.into_iter().chain(version_lock_values(version.lock));
            for (slot, value) in all.iter_mut().zip(columns.into_iter().chain(more)) {
                *slot = value;
            }
            others.push(all);
        }
        for part in &*planned.parts {
            parts.push([
                version.id.0.into(),
                u32::from(part.number.get()).into(),
                int(part.size)?.into(),
                checksum_value(part.checksum.as_ref()),
            ]);
        }
    }
    let columns = "bucket_id, key, seq, is_current, size, etag, modified_at, checksum, version_id, encoded_bytes, \
                   extent_count, part_count, attributes, blob_id, blob_offset";
    writes.rows(&format!("INSERT INTO version ({columns}) VALUES "), plain, "");
    let more = "is_marker, is_null, lock_mode, retain_until, legal_hold";
    writes.rows(&format!("INSERT INTO version ({columns}, {more}) VALUES "), others, "");
    writes.rows("INSERT INTO version_part (version_id, number, size, checksum) VALUES ", parts, "");
    Ok(())
}

fn version_columns(planned: &PlannedVersion<'_>, seq: i64) -> Result<[Value; 15]> {
    let version = &planned.version;
    let inline = planned.inline();
    Ok([
        planned.bucket.0.into(),
        version.key.as_bytes().into(),
        seq.into(),
        planned.current.into(),
        int(version.size)?.into(),
        etag_bytes(&version.etag).into(),
        version.modified_at.0.into(),
        checksum_value(version.checksum.as_ref()),
        version.id.0.into(),
        int(planned.encoded_bytes)?.into(),
        count(planned.extents.len())?,
        count(planned.parts.len())?,
        attributes_text(&version.attributes)?,
        inline.map(|extent| extent.blob.0.to_vec()).into(),
        inline.map_or(Ok(Value::NoInt), |extent| int(extent.offset).map(Value::Int))?,
    ])
}

fn amend(writes: &mut Writes, plan: &Plan<'_>) -> Result<()> {
    let (mut locks, mut texts) = (Vec::new(), Vec::new());
    for amended in &plan.amended {
        if let Some(attributes) = &amended.attributes {
            let [bucket, key, seq] = by_key(&amended.row);
            texts.push([bucket, key, seq, attributes_text(attributes)?]);
        }
        if amended.relocked {
            let [bucket, key, seq] = by_key(&amended.row);
            let [mode, until, hold] = version_lock_values(amended.lock);
            locks.push([bucket, key, seq, mode, until, hold]);
        }
    }
    let found = "WHERE version.bucket_id = n.bucket_id AND version.key = n.key AND version.seq = n.seq";
    let tail = format!(") UPDATE version SET attributes = n.attributes FROM n {found}");
    writes.exactly("version", "WITH n (bucket_id, key, seq, attributes) AS (VALUES ", texts, &tail);
    let tail = format!(
        ") UPDATE version SET lock_mode = n.lock_mode, retain_until = n.retain_until, legal_hold = n.legal_hold FROM n {found}"
    );
    let head = "WITH n (bucket_id, key, seq, lock_mode, retain_until, legal_hold) AS (VALUES ";
    writes.exactly("version", head, locks, &tail);
    Ok(())
}

fn insert_parts(writes: &mut Writes, plan: &Plan<'_>) -> Result<()> {
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
            part.salt.map(|salt| salt.to_vec()).into(),
        ]);
    }
    let head = "INSERT INTO part (upload_id, number, part_id, size, etag, checksum, modified_at, encoded_bytes, salt) \
                VALUES ";
    writes.rows(head, rows, "");
    Ok(())
}

fn insert_extents(writes: &mut Writes, plan: &Plan<'_>) -> Result<()> {
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
    for planned in plan.versions.iter().filter(|planned| planned.inline().is_none()) {
        add(planned.version.id.0, &planned.extents)?;
    }
    for planned in &plan.parts {
        add(planned.id.0, &planned.part.extents)?;
    }
    writes.rows("INSERT INTO extent (owner, ordinal, blob_id, blob_offset, length) VALUES ", rows, "");
    Ok(())
}

fn move_extents(writes: &mut Writes, plan: &Plan<'_>) -> Result<()> {
    let (mut versions, mut extents) = (Vec::new(), Vec::new());
    for (wanted, inline) in &plan.moves {
        let (from, to) = (&wanted.from, &wanted.to);
        let (old, new, offset) = (from.extent.blob.0.into(), to.blob.0.into(), int(to.offset)?.into());
        if *inline {
            versions.push([from.owner.0.into(), old, new, offset]);
        } else {
            extents.push([from.owner.0.into(), from.ordinal.into(), new, offset]);
        }
    }
    let tail = ") UPDATE version SET blob_id = n.new, blob_offset = n.place FROM n \
                WHERE version.blob_id = n.old AND version.version_id = n.owner";
    writes.exactly("version", "WITH n (owner, old, new, place) AS (VALUES ", versions, tail);
    let tail = ") UPDATE extent SET blob_id = n.new, blob_offset = n.place FROM n \
                WHERE extent.owner = n.owner AND extent.ordinal = n.position";
    writes.exactly("extent", "WITH n (owner, position, new, place) AS (VALUES ", extents, tail);
    Ok(())
}

fn remeter(writes: &mut Writes, plan: &Plan<'_>) -> Result<()> {
    let (mut versions, mut parts) = (Vec::new(), Vec::new());
    for (metered, bytes) in plan.remetered.values().filter(|(metered, bytes)| metered.encoded_bytes != *bytes) {
        match &metered.row {
            MeteredRow::Version(key, seq) => {
                versions.push([metered.bucket.0.into(), key.as_bytes().into(), (*seq).into(), int(*bytes)?.into()]);
            }
            MeteredRow::Part(upload, number) => {
                parts.push([upload.0.into(), u32::from(number.get()).into(), int(*bytes)?.into()]);
            }
        }
    }
    let tail = ") UPDATE version SET encoded_bytes = n.encoded_bytes FROM n \
                WHERE version.bucket_id = n.bucket_id AND version.key = n.key AND version.seq = n.seq";
    writes.exactly("version", "WITH n (bucket_id, key, seq, encoded_bytes) AS (VALUES ", versions, tail);
    let tail = ") UPDATE part SET encoded_bytes = n.encoded_bytes FROM n \
                WHERE part.upload_id = n.upload_id AND part.number = n.number";
    writes.exactly("part", "WITH n (upload_id, number, encoded_bytes) AS (VALUES ", parts, tail);
    Ok(())
}

fn insert_blobs(writes: &mut Writes, plan: &Plan<'_>, now: i64) -> Result<()> {
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
    let head = "INSERT INTO blob (id, scheme, chunk_bytes, chunks_per_block, content_len, catalog_len, wrapped_key, \
                live_bytes, is_quilt, created_at) VALUES ";
    writes.rows(head, blobs, "");
    writes.rows("INSERT INTO sliver (blob_id, sliver_index, attempt, backend, root) VALUES ", slivers, "");
    let tail = " ON CONFLICT (kind, blob_id) DO NOTHING";
    writes.rows("INSERT INTO job (kind, blob_id, created_at, urgency) VALUES ", jobs, tail);
    Ok(())
}

fn update_live_bytes(writes: &mut Writes, plan: &Plan<'_>) -> Result<()> {
    let mut rows = Vec::with_capacity(plan.live_bytes.len());
    for (id, live) in &plan.live_bytes {
        rows.push([id.0.into(), int(*live)?.into()]);
    }
    let tail = ") UPDATE blob SET live_bytes = n.live_bytes FROM n WHERE blob.id = n.id";
    writes.exactly("blob", "WITH n (id, live_bytes) AS (VALUES ", rows, tail);
    Ok(())
}

/// Asks for what little lives of a blob to be moved, once: when less than half of it lives that was more before. Quilts have an
/// index of their own.
fn enqueue_thin_blobs(writes: &mut Writes, facts: &Facts, plan: &Plan<'_>, now: i64) {
    let thin = |id: &BlobId, live: u64| {
        let fact = facts.blobs.get(id);
        live > 0 && fact.is_some_and(|fact| live * 2 < fact.content_len && fact.live_bytes * 2 >= fact.content_len)
    };
    let rows = plan.live_bytes.iter().filter(|(id, live)| thin(id, *live)).map(|(id, _)| [id.0.into()]).collect();
    let head = format!(
        "INSERT INTO job (kind, blob_id, created_at, waits) SELECT 'thin', id, {now}, TRUE FROM blob \
         WHERE NOT is_quilt AND id IN (VALUES "
    );
    writes.rows(&head, rows, ") ON CONFLICT (kind, blob_id) DO NOTHING");
}

fn enqueue_dead_blobs(writes: &mut Writes, plan: &Plan<'_>, now: i64, grace_seconds: i64) {
    let not_before = now.saturating_add(grace_seconds.saturating_mul(1_000_000));
    let rows = plan.died.iter().map(|id| [id.0.into(), not_before.into()]).collect();
    writes.rows("INSERT INTO reclaim (blob_id, not_before) VALUES ", rows, "");
}

fn meter(writes: &mut Writes, plan: &Plan<'_>, now: i64, incarnation: u32) -> Result<()> {
    let hour = now.div_euclid(3_600_000_000);
    let mut rows = Vec::with_capacity(plan.flows.len());
    for (bucket, flow) in plan.flows.iter().filter(|(_, flow)| flow.has_bytes()) {
        rows.push([
            bucket.0.into(),
            hour.into(),
            incarnation.into(),
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
    writes.rows(head, rows, tail);
    Ok(())
}

/// Adds to the sums of quotas; those that have none are not there.
fn sum_up(writes: &mut Writes, plan: &Plan<'_>) {
    let changed = plan.sums.iter().filter(|(_, change)| **change != QuotaChange::default());
    let rows = changed.map(|(scope, change)| {
        let [kind, id] = scope.values();
        [kind, id, change.bytes.into(), change.objects.into(), change.extras.into()]
    });
    let tail = ") UPDATE quota SET bytes = quota.bytes + n.bytes, objects = quota.objects + n.objects, \
                extras = quota.extras + n.extras FROM n WHERE quota.scope = n.scope AND quota.id = n.id";
    writes.rows("WITH n (scope, id, bytes, objects, extras) AS (VALUES ", rows.collect(), tail);
}

fn count(value: usize) -> Result<Value> {
    let value = i64::try_from(value).map_err(|_| MetadataError::Damaged("a count does not fit".to_owned()))?;
    Ok(Value::Int(value))
}
