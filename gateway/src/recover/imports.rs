//! What came after the journal's end, from the catalogs in the slivers. Pure: catalogs in, what they describe out.

use std::collections::BTreeMap;

use codec::{BlobId, CatalogEntry, CatalogExtent, CatalogTarget};

use crate::domain::{ETag, Extent, ObjectAttributes, WriteCondition};

/// A blob that the database does not know, and what its catalog says.
#[derive(Clone, Debug)]
pub(super) struct LateBlob {
    pub(super) id: BlobId,
    pub(super) entries: Vec<CatalogEntry>,
    /// Slivers of it were not found.
    pub(super) degraded: bool,
}

/// A version or part of which all bytes were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LateObject {
    pub(super) bucket: String,
    pub(super) key: Vec<u8>,
    pub(super) target: CatalogTarget,
    pub(super) size: u64,
    pub(super) etag: ETag,
    pub(super) modified_at: i64,
    pub(super) attributes: ObjectAttributes,
    /// Under which it was written. Where it did not hold the write was refused.
    pub(super) condition: WriteCondition,
    /// When it is taken over: first comes what was committed first, as far as slivers tell, which is when its last blob was begun and where it stands
    /// in that. Of several conditional writes of one key one was acknowledged, and what is refused is deleted at once: what lacks slivers comes last.
    pub(super) turn: (bool, i64, usize),
    pub(super) extents: Vec<Extent>,
}

/// When a blob was begun: the number after its incarnation, microseconds since 1970.
pub(super) fn begun_at(blob: &BlobId) -> i64 {
    let [_, _, _, _, time @ .., _, _, _, _] = blob.0;
    i64::try_from(u64::from_be_bytes(time)).unwrap_or(i64::MAX)
}

/// What is in the catalogs: whole objects, in the order in which they are to be taken over, and of the others why they are not whole.
pub(super) fn late_objects(blobs: &[LateBlob]) -> (Vec<LateObject>, Vec<String>) {
    let mut gathered: BTreeMap<(u64, TargetOrder), Vec<Piece<'_>>> = BTreeMap::new();
    for blob in blobs {
        for (number, entry) in blob.entries.iter().enumerate() {
            let piece = Piece { blob, number, entry };
            gathered.entry((entry.write_counter, order(entry.target))).or_default().push(piece);
        }
    }
    let (mut objects, mut incomplete) = (Vec::new(), Vec::new());
    for pieces in gathered.into_values() {
        match assemble(&pieces) {
            Ok(object) => objects.push(object),
            Err(reason) => incomplete.extend(pieces.first().map(|piece| {
                let CatalogEntry { bucket, key, .. } = piece.entry;
                format!("{bucket}/{}: {reason}", String::from_utf8_lossy(key))
            })),
        }
    }
    objects.sort_by_key(|object| object.turn);
    (objects, incomplete)
}

/// A part of an object: an entry of a catalog.
#[derive(Clone, Copy)]
struct Piece<'a> {
    blob: &'a LateBlob,
    /// Which entry of the catalog.
    number: usize,
    entry: &'a CatalogEntry,
}

type TargetOrder = ([u8; 16], Option<u16>);

fn order(target: CatalogTarget) -> TargetOrder {
    match target {
        CatalogTarget::Version(id) => (id, None),
        CatalogTarget::Part { upload, number } => (upload, Some(number)),
    }
}

fn assemble(pieces: &[Piece<'_>]) -> Result<LateObject, String> {
    // Only the last blob of an object knows its size and tag.
    let is_last = |piece: &&Piece<'_>| piece.entry.object_size.is_some() && piece.entry.etag.is_some();
    let end = pieces.iter().find(is_last).ok_or("its end was not found: it was being written")?;
    let last = end.entry;
    let (size, (md5, parts)) = (last.object_size.unwrap_or(0), last.etag.unwrap_or_default());
    let condition = WriteCondition::from_pairs(&last.attributes)?;
    let may_be_refused = condition != WriteCondition::None && pieces.iter().any(|piece| piece.blob.degraded);
    Ok(LateObject {
        bucket: last.bucket.clone(),
        key: last.key.clone(),
        target: last.target,
        size,
        etag: ETag { md5, parts },
        modified_at: last.modified_at_us,
        attributes: ObjectAttributes::from_pairs(&last.attributes)?,
        condition,
        turn: (may_be_refused, begun_at(&end.blob.id), end.number),
        extents: whole(pieces, size)?,
    })
}

/// The extents in order, if they are all of `size` bytes.
fn whole(pieces: &[Piece<'_>], size: u64) -> Result<Vec<Extent>, String> {
    let of_piece = |piece: &Piece<'_>| {
        let blob = piece.blob.id;
        let extent = |extent: &CatalogExtent| {
            (extent.object_offset, Extent { blob, offset: extent.blob_offset, length: extent.length })
        };
        piece.entry.extents.iter().map(extent).collect::<Vec<_>>()
    };
    let mut extents: Vec<_> = pieces.iter().flat_map(of_piece).collect();
    extents.sort_by_key(|(offset, extent)| (*offset, extent.blob));
    let mut end = 0_u64;
    for (offset, extent) in &extents {
        if *offset != end {
            return Err(format!("its bytes from {end} on were not found"));
        }
        end = end.saturating_add(extent.length);
    }
    if end != size {
        return Err(format!("{end} of {size} bytes were found"));
    }
    Ok(extents.into_iter().map(|(_, extent)| extent).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(counter: u64, target: CatalogTarget, size: Option<u64>, extents: Vec<CatalogExtent>) -> CatalogEntry {
        CatalogEntry {
            bucket: "photos".to_owned(),
            key: b"a".to_vec(),
            target,
            write_counter: counter,
            object_size: size,
            etag: size.map(|_| ([7; 16], None)),
            modified_at_us: 5,
            attributes: vec![("content-type".to_owned(), "image/png".to_owned())],
            extents,
        }
    }

    fn piece(object_offset: u64, blob_offset: u64, length: u64) -> CatalogExtent {
        CatalogExtent { object_offset, blob_offset, length }
    }

    /// They begin in the order of their numbers.
    fn blob(id: u8, entries: Vec<CatalogEntry>) -> LateBlob {
        let mut bytes = [id; 16];
        bytes[4] = 0;
        LateBlob { id: BlobId(bytes), entries, degraded: false }
    }

    #[test]
    fn an_object_in_several_blobs_is_put_together() {
        let target = CatalogTarget::Version([1; 16]);
        let blobs = [
            blob(2, vec![entry(9, target, Some(30), vec![piece(20, 0, 10)])]),
            blob(1, vec![entry(9, target, None, vec![piece(0, 0, 20)])]),
        ];
        let (objects, incomplete) = late_objects(&blobs);
        assert_eq!(incomplete, [""; 0]);
        assert_eq!(objects.len(), 1);
        let lengths: Vec<_> = objects[0].extents.iter().map(|extent| (extent.blob.0[0], extent.length)).collect();
        assert_eq!(lengths, [(1, 20), (2, 10)]);
        assert_eq!(objects[0].attributes.content_type.as_deref(), Some("image/png"));
    }

    #[test]
    fn what_is_not_whole_is_named_and_the_order_of_writing_kept() {
        let (older, newer) = (CatalogTarget::Version([9; 16]), CatalogTarget::Version([1; 16]));
        let part = CatalogTarget::Part { upload: [3; 16], number: 4 };
        let blobs = [
            blob(2, vec![entry(2, newer, Some(4), vec![piece(0, 0, 4)])]),
            blob(1, vec![entry(1, older, Some(4), vec![piece(0, 0, 4)]), entry(3, part, None, vec![piece(0, 4, 4)])]),
            blob(3, vec![entry(4, CatalogTarget::Version([5; 16]), Some(9), vec![piece(4, 0, 5)])]),
        ];
        let (objects, incomplete) = late_objects(&blobs);
        assert_eq!(objects.iter().map(|object| object.target).collect::<Vec<_>>(), [older, newer]);
        assert_eq!(incomplete.len(), 2);
        assert!(incomplete[0].contains("being written") && incomplete[1].contains("from 0 on"), "{incomplete:?}");
    }

    #[test]
    fn conditional_writes_come_in_the_order_of_their_commits_and_incomplete_ones_last() {
        let write = |counter: u8, condition: WriteCondition| {
            let target = CatalogTarget::Version([counter; 16]);
            let mut entry = entry(counter.into(), target, Some(4), vec![piece(0, 0, 4)]);
            entry.attributes.extend(condition.to_pair());
            entry
        };
        let absent = WriteCondition::Absent;
        let blobs = [
            LateBlob { degraded: true, ..blob(1, vec![write(1, absent.clone())]) },
            blob(3, vec![write(9, absent.clone()), write(2, absent.clone())]),
            blob(4, vec![write(3, absent)]),
            LateBlob { degraded: true, ..blob(2, vec![write(4, WriteCondition::None)]) },
        ];
        let (objects, incomplete) = late_objects(&blobs);
        assert_eq!(incomplete, [""; 0]);
        let order: Vec<_> = objects.iter().map(|object| object.target).collect();
        assert_eq!(order, [4, 9, 2, 3, 1].map(|counter| CatalogTarget::Version([counter; 16])));
        assert_eq!(objects[0].condition, WriteCondition::None);
        assert!(objects[1..].iter().all(|object| object.condition == WriteCondition::Absent));
    }
}
