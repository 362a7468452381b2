//! Whether what was metered for versions and parts is their share of the blobs they lie in.

use codec::BlobId;
use serde::{Deserialize, Serialize};

use crate::domain::BlobLengths;
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::engine::columns;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

/// Versions or parts that one statement asks about.
const PAGE: i64 = 100;

/// The columns of an extent `e` of an owner `o`, and of its blob `b`.
const SHARE: &str = "b.id, COALESCE(e.length, o.size), b.scheme, b.chunk_bytes, b.chunks_per_block, b.content_len, \
                     b.catalog_len";

/// Where a walk over all versions, and then all parts, is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MeteredPlace {
    /// At a version: bucket, key, place in the order.
    Version(i64, Vec<u8>, i64),
    /// At a part: upload, number.
    Part(Vec<u8>, i64),
}

impl Default for MeteredPlace {
    fn default() -> Self {
        Self::Version(i64::MIN, Vec::new(), i64::MIN)
    }
}

/// A version or a part for which another number was metered than it accounts for.
#[derive(Clone, Debug)]
pub(super) struct WrongMeter {
    pub place: MeteredPlace,
    pub owner: ExtentOwner,
    pub metered: u64,
    pub share: u64,
}

/// A page of that walk.
pub(super) struct MeteredPage {
    pub wrong: Vec<WrongMeter>,
    /// Where it goes on; none at its end.
    pub next: Option<MeteredPlace>,
}

/// Names every version and part for which another number was metered.
pub(super) async fn complaints(session: &mut Session, most: usize) -> Result<Vec<String>> {
    let (mut found, mut place) = (Vec::new(), Some(MeteredPlace::default()));
    while let Some(at) = place.filter(|_| found.len() < most) {
        let page = page(session, &at).await?;
        found.extend(page.wrong.iter().map(|wrong| {
            let what = if matches!(wrong.place, MeteredPlace::Version(..)) { "version" } else { "part" };
            let WrongMeter { owner, metered, share, .. } = wrong;
            format!("{what} {}: {metered} encoded bytes are metered and not {share}", hex::encode(owner.0))
        }));
        place = page.next;
    }
    found.truncate(most);
    Ok(found)
}

/// Looks at the versions or parts after a place. One statement reads all of an owner, so that what changes meanwhile is seen either before or
/// after.
pub(super) async fn page(session: &mut Session, after: &MeteredPlace) -> Result<MeteredPage> {
    let statement = match after {
        MeteredPlace::Version(bucket, key, seq) => {
            let text = format!(
                "SELECT o.version_id, o.encoded_bytes, {SHARE}, o.bucket_id, o.key, o.seq FROM \
                 (SELECT bucket_id, key, seq, version_id, encoded_bytes, size, blob_id FROM version \
                 WHERE (bucket_id, key, seq) > ($1, $2, $3) ORDER BY bucket_id, key, seq LIMIT {PAGE}) o \
                 LEFT JOIN extent e ON e.owner = o.version_id LEFT JOIN blob b ON b.id = COALESCE(o.blob_id, e.blob_id) \
                 ORDER BY o.bucket_id, o.key, o.seq"
            );
            Statement::new(text).bind(*bucket).bind(key.clone()).bind(*seq)
        }
        MeteredPlace::Part(upload, number) => {
            let text = format!(
                "SELECT o.part_id, o.encoded_bytes, {SHARE}, o.upload_id, o.number FROM \
                 (SELECT upload_id, number, part_id, encoded_bytes, size FROM part \
                 WHERE (upload_id, number) > ($1, $2) AND NOT EXISTS (SELECT 1 FROM removal r WHERE r.id = upload_id) \
                 ORDER BY upload_id, number LIMIT {PAGE}) o \
                 LEFT JOIN extent e ON e.owner = o.part_id LEFT JOIN blob b ON b.id = e.blob_id ORDER BY o.upload_id, o.number"
            );
            Statement::new(text).bind(upload.clone()).bind(*number)
        }
    };
    let rows = session.rows(statement).await?;
    let place = |row: &Row| place(after, row);
    let next = match (rows.last(), after) {
        (Some(last), _) => Some(place(last)?),
        (None, MeteredPlace::Version(..)) => Some(MeteredPlace::Part(Vec::new(), 0)),
        (None, MeteredPlace::Part(..)) => None,
    };
    Ok(MeteredPage { wrong: compare(&rows, place)?, next })
}

/// The share of one owner as it is now, read in this transaction; none when an extent of it lies in no blob.
pub(super) async fn share_of(tx: &mut Session, place: &MeteredPlace) -> Result<Option<u64>> {
    let statement = match place {
        MeteredPlace::Version(bucket, key, seq) => {
            let text = format!(
                "SELECT o.version_id, o.encoded_bytes, {SHARE} FROM version o LEFT JOIN extent e ON e.owner = o.version_id \
                 LEFT JOIN blob b ON b.id = COALESCE(o.blob_id, e.blob_id) WHERE o.bucket_id = $1 AND o.key = $2 AND o.seq = $3"
            );
            Statement::new(text).bind(*bucket).bind(key.clone()).bind(*seq)
        }
        MeteredPlace::Part(upload, number) => {
            let text = format!(
                "SELECT o.part_id, o.encoded_bytes, {SHARE} FROM part o LEFT JOIN extent e ON e.owner = o.part_id \
                 LEFT JOIN blob b ON b.id = e.blob_id WHERE o.upload_id = $1 AND o.number = $2"
            );
            Statement::new(text).bind(upload.clone()).bind(*number)
        }
    };
    let mut sum = Some(0_u64);
    for row in tx.rows(statement).await? {
        sum = sum.zip(share(&row)?).and_then(|(sum, share)| sum.checked_add(share));
    }
    Ok(sum)
}

/// Where the walk that goes on `after` is at a row.
fn place(after: &MeteredPlace, row: &Row) -> Result<MeteredPlace> {
    Ok(match after {
        MeteredPlace::Version(..) => MeteredPlace::Version(row.int(9)?, row.bytes(10)?.to_vec(), row.int(11)?),
        MeteredPlace::Part(..) => MeteredPlace::Part(row.bytes(9)?.to_vec(), row.int(10)?),
    })
}

/// Compares owner by owner, whose rows follow each other.
fn compare(rows: &[Row], place: impl Fn(&Row) -> Result<MeteredPlace>) -> Result<Vec<WrongMeter>> {
    let mut wrong = Vec::new();
    let mut rows = rows.iter().peekable();
    while let Some(first) = rows.next() {
        let (owner, metered) = (first.bytes(0)?, first.number::<u64>(1)?);
        let mut sum = share(first)?;
        while let Some(next) = rows.next_if(|next| next.bytes(0).is_ok_and(|id| id == owner)) {
            sum = sum.zip(share(next)?).and_then(|(sum, share)| sum.checked_add(share));
        }
        // Extents without their blob are another complaint.
        if let Some(share) = sum.filter(|sum| *sum != metered) {
            wrong.push(WrongMeter { place: place(first)?, owner: ExtentOwner(first.array(0)?), metered, share });
        }
    }
    Ok(wrong)
}

/// What an extent accounts for; none if its blob is not there.
fn share(row: &Row) -> Result<Option<u64>> {
    let length: u64 = row.number(3)?;
    let Some(blob) = row.bytes_if_any(2)? else { return Ok((length == 0).then_some(0)) };
    let share = BlobLengths::of(&columns::layout(row, 4)?).encoded_share(length);
    let blob = BlobId(blob.try_into().map_err(|_| MetadataError::Damaged("the name of a blob".to_owned()))?);
    share.map(Some).ok_or_else(|| MetadataError::Damaged(format!("the size of blob {blob}")))
}
