//! Rows of parts and extents: they come, move and go.

use crate::domain::Extent;
use crate::metadata::commit::apply::versions::by_key;
use crate::metadata::commit::apply::writes::{Writes, count};
use crate::metadata::commit::facts::MeteredRow;
use crate::metadata::commit::plan::{LeftBehind, Plan};
use crate::metadata::engine::columns::{checksum_value, etag_bytes, int};
use crate::metadata::engine::statement::Value;
use crate::metadata::error::Result;

pub(super) fn remove(writes: &mut Writes, plan: &Plan<'_>) {
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

pub(super) fn insert_parts(writes: &mut Writes, plan: &Plan<'_>) -> Result<()> {
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

pub(super) fn insert_extents(writes: &mut Writes, plan: &Plan<'_>) -> Result<()> {
    let mut rows = Vec::new();
    let mut add = |owner: [u8; 16], extents: &[Extent]| -> Result<()> {
        for (ordinal, extent) in extents.iter().enumerate() {
            rows.push(extent_row(owner, ordinal, extent)?);
        }
        Ok(())
    };
    for planned in plan.versions.iter().filter(|planned| planned.inline().is_none()) {
        add(planned.version.id.0, &planned.extents)?;
    }
    for planned in &plan.parts {
        add(planned.id.0, &planned.part.extents)?;
    }
    for (owner, extents) in &plan.held {
        add(owner.0, extents)?;
    }
    for appended in &plan.appended {
        for (ordinal, extent) in appended.extents_apart() {
            rows.push(extent_row(appended.owner.0, ordinal, &extent)?);
        }
    }
    writes.rows("INSERT INTO extent (owner, ordinal, blob_id, blob_offset, length) VALUES ", rows, "");
    Ok(())
}

fn extent_row(owner: [u8; 16], ordinal: usize, extent: &Extent) -> Result<[Value; 5]> {
    let (offset, length) = (int(extent.offset)?.into(), int(extent.length)?.into());
    Ok([owner.into(), count(ordinal)?, extent.blob.0.into(), offset, length])
}

pub(super) fn move_extents(writes: &mut Writes, plan: &Plan<'_>) -> Result<()> {
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

pub(super) fn remeter(writes: &mut Writes, plan: &Plan<'_>) -> Result<()> {
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

/// What is removed step by step from now on.
pub(super) fn leave_behind(writes: &mut Writes, plan: &Plan<'_>, now: i64) {
    let rows = plan.left_behind.iter().map(|left| {
        let (id, is_upload) = match left {
            LeftBehind::Version(id) => (id.0, false),
            LeftBehind::Upload(id) => (id.0, true),
        };
        [id.into(), is_upload.into(), now.into()]
    });
    writes.rows("INSERT INTO removal (id, is_upload, not_before) VALUES ", rows.collect(), "");
}
