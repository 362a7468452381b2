//! Whether what was metered for versions and parts is their share of the blobs they lie in.

use codec::BlobId;

use crate::domain::BlobLengths;
use crate::metadata::engine::columns;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

/// Versions or parts that one statement asks about.
const PAGE: i64 = 100;

/// The columns of an extent `e` of an owner `o`, and of its blob `b`.
const SHARE: &str = "b.id, COALESCE(e.length, o.size), b.scheme, b.chunk_bytes, b.chunks_per_block, b.content_len, \
                     b.catalog_len";

/// Names every version and part for which another number was metered. One statement reads all of an owner, so that what
/// changes meanwhile is seen either before or after.
pub(super) async fn complaints(session: &mut Session, most: usize) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let versions = format!(
        "SELECT o.version_id, o.encoded_bytes, {SHARE}, o.bucket_id, o.key, o.seq FROM \
         (SELECT bucket_id, key, seq, version_id, encoded_bytes, size, blob_id FROM version \
         WHERE (bucket_id, key, seq) > ($1, $2, $3) ORDER BY bucket_id, key, seq LIMIT {PAGE}) o \
         LEFT JOIN extent e ON e.owner = o.version_id LEFT JOIN blob b ON b.id = COALESCE(o.blob_id, e.blob_id) \
         ORDER BY o.bucket_id, o.key, o.seq"
    );
    let mut after = [Value::from(i64::MIN), Vec::new().into(), Value::from(i64::MIN)];
    while found.len() < most {
        let rows = session.rows(bound(&versions, after)).await?;
        compare(&rows, "version", &mut found)?;
        let Some(last) = rows.last() else { break };
        after = [last.int(9)?.into(), last.bytes(10)?.to_vec().into(), last.int(11)?.into()];
    }
    let parts = format!(
        "SELECT o.part_id, o.encoded_bytes, {SHARE}, o.upload_id, o.number FROM \
         (SELECT upload_id, number, part_id, encoded_bytes, size FROM part \
         WHERE (upload_id, number) > ($1, $2) AND NOT EXISTS (SELECT 1 FROM removal r WHERE r.id = upload_id) ORDER BY upload_id, number LIMIT {PAGE}) o \
         LEFT JOIN extent e ON e.owner = o.part_id LEFT JOIN blob b ON b.id = e.blob_id ORDER BY o.upload_id, o.number"
    );
    let mut after = [Vec::new().into(), Value::from(0_i64)];
    while found.len() < most {
        let rows = session.rows(bound(&parts, after)).await?;
        compare(&rows, "part", &mut found)?;
        let Some(last) = rows.last() else { break };
        after = [last.bytes(9)?.to_vec().into(), last.int(10)?.into()];
    }
    found.truncate(most);
    Ok(found)
}

fn bound<const N: usize>(text: &str, values: [Value; N]) -> Statement {
    values.into_iter().fold(Statement::new(text.to_owned()), Statement::bind)
}

/// Compares owner by owner, whose rows follow each other.
fn compare(rows: &[Row], what: &str, found: &mut Vec<String>) -> Result<()> {
    let mut rows = rows.iter().peekable();
    while let Some(first) = rows.next() {
        let (owner, metered) = (first.bytes(0)?, first.number::<u64>(1)?);
        let mut sum = share(first)?;
        while let Some(next) = rows.next_if(|next| next.bytes(0).is_ok_and(|id| id == owner)) {
            sum = sum.zip(share(next)?).and_then(|(sum, share)| sum.checked_add(share));
        }
        // Extents without their blob are another complaint.
        if let Some(sum) = sum.filter(|sum| *sum != metered) {
            found.push(format!("{what} {}: {metered} encoded bytes are metered and not {sum}", hex::encode(owner)));
        }
    }
    Ok(())
}

/// What an extent accounts for; none if its blob is not there.
fn share(row: &Row) -> Result<Option<u64>> {
    let length: u64 = row.number(3)?;
    let Some(blob) = row.bytes_if_any(2)? else { return Ok((length == 0).then_some(0)) };
    let share = BlobLengths::of(&columns::layout(row, 4)?).encoded_share(length);
    let blob = BlobId(blob.try_into().map_err(|_| MetadataError::Damaged("the name of a blob".to_owned()))?);
    share.map(Some).ok_or_else(|| MetadataError::Damaged(format!("the size of blob {blob}")))
}
