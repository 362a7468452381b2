//! Rows of versions: they come, are amended and appended to, and are current or not.

use crate::metadata::commit::apply::version_numbers;
use crate::metadata::commit::apply::writes::{Writes, count};
use crate::metadata::commit::facts::Facts;
use crate::metadata::commit::plan::{Plan, PlannedVersion, VersionRow};
use crate::metadata::engine::columns::{attributes_text, checksum_value, etag_bytes, int};
use crate::metadata::engine::lock_columns::version_lock_values;
use crate::metadata::engine::statement::Value;
use crate::metadata::error::Result;

pub(super) fn by_key(row: &VersionRow) -> [Value; 3] {
    [row.bucket.0.into(), row.key.as_bytes().into(), row.seq.into()]
}

/// Versions that were current are not any more, before others become it: never are there two.
pub(super) fn update_current_flags(writes: &mut Writes, plan: &Plan<'_>) {
    for (rows, becomes) in [(&plan.demoted, "FALSE"), (&plan.promoted, "TRUE")] {
        let head = format!("UPDATE version SET is_current = {becomes} WHERE (bucket_id, key, seq) IN (VALUES ");
        writes.exactly("version", &head, rows.iter().map(by_key).collect(), ")");
    }
}

/// Versions of buckets without versioning leave the versioning columns at their defaults.
pub(super) fn insert_versions(writes: &mut Writes, facts: &Facts, plan: &Plan<'_>) -> Result<()> {
    let numbers = version_numbers::assign(facts, plan)?;
    let (mut plain, mut others, mut parts) = (Vec::with_capacity(plan.versions.len()), Vec::new(), Vec::new());
    for (planned, seq) in plan.versions.iter().zip(numbers) {
        let columns = version_columns(planned, seq)?;
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

pub(super) fn amend(writes: &mut Writes, plan: &Plan<'_>) -> Result<()> {
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

/// As many rows and values for each version as before, however much there is of it.
pub(super) fn append(writes: &mut Writes, plan: &Plan<'_>) -> Result<()> {
    let mut rows = Vec::with_capacity(plan.appended.len());
    for appended in &plan.appended {
        let [bucket, key, seq] = by_key(&appended.row);
        let inline = appended.inline_now();
        rows.push([
            bucket,
            key,
            seq,
            int(appended.size)?.into(),
            etag_bytes(&appended.etag).into(),
            checksum_value(appended.checksum.as_ref()),
            appended.modified_at.0.into(),
            int(appended.encoded_bytes)?.into(),
            count(appended.extent_count())?,
            inline.map(|extent| extent.blob.0.to_vec()).into(),
            inline.map_or(Ok(Value::NoInt), |extent| int(extent.offset).map(Value::Int))?,
        ]);
    }
    let head = "WITH n (bucket_id, key, seq, size, etag, checksum, modified_at, encoded_bytes, extent_count, blob_id, \
                blob_offset) AS (VALUES ";
    let tail = ") UPDATE version SET size = n.size, etag = n.etag, checksum = n.checksum, modified_at = n.modified_at, \
                encoded_bytes = n.encoded_bytes, extent_count = n.extent_count, part_count = 0, blob_id = n.blob_id, \
                blob_offset = n.blob_offset FROM n \
                WHERE version.bucket_id = n.bucket_id AND version.key = n.key AND version.seq = n.seq";
    writes.exactly("version", head, rows, tail);
    let ids = plan.appended.iter().filter(|appended| appended.had_parts).map(|appended| [appended.owner.0.into()]);
    writes.rows("DELETE FROM version_part WHERE version_id IN (VALUES ", ids.collect(), ")");
    Ok(())
}
