//! What came after the journal's end, from the catalogs in the slivers. Pure: catalogs in, what they describe out.

use std::collections::BTreeMap;

use codec::{BlobId, CatalogEntry, CatalogTarget};

use crate::domain::{ETag, Extent, ObjectAttributes};

/// A blob that the database does not know, and what its catalog says.
#[derive(Clone, Debug)]
pub(super) struct LateBlob {
    pub(super) id: BlobId,
    pub(super) entries: Vec<CatalogEntry>,
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
    pub(super) extents: Vec<Extent>,
}

/// What is in the catalogs: whole objects, in the order in which they were written, and of the others why they are not whole.
pub(super) fn late_objects(blobs: &[LateBlob]) -> (Vec<LateObject>, Vec<String>) {
    let mut gathered: BTreeMap<(u64, TargetOrder), Vec<(BlobId, &CatalogEntry)>> = BTreeMap::new();
    for blob in blobs {
        for entry in &blob.entries {
            gathered.entry((entry.write_counter, order(entry.target))).or_default().push((blob.id, entry));
        }
    }
    let (mut objects, mut incomplete) = (Vec::new(), Vec::new());
    for pieces in gathered.into_values() {
        let Some((_, first)) = pieces.first() else { continue };
        match assemble(&pieces) {
            Ok(object) => objects.push(object),
            Err(reason) => {
                incomplete.push(format!("{}/{}: {reason}", first.bucket, String::from_utf8_lossy(&first.key)));
            }
        }
    }
    (objects, incomplete)
}

type TargetOrder = ([u8; 16], Option<u16>);

fn order(target: CatalogTarget) -> TargetOrder {
    match target {
        CatalogTarget::Version(id) => (id, None),
        CatalogTarget::Part { upload, number } => (upload, Some(number)),
    }
}

fn assemble(pieces: &[(BlobId, &CatalogEntry)]) -> Result<LateObject, String> {
    // Only the last blob of an object knows its size and tag.
    let last = pieces.iter().map(|(_, entry)| entry).find(|entry| entry.object_size.is_some() && entry.etag.is_some());
    let last = last.ok_or("its end was not found: it was being written")?;
    let (size, (md5, parts)) = (last.object_size.unwrap_or(0), last.etag.unwrap_or_default());
    let extent = |blob: BlobId, entry: &CatalogEntry| {
        let extents = entry.extents.iter().map(move |extent| {
            (extent.object_offset, Extent { blob, offset: extent.blob_offset, length: extent.length })
        });
        extents.collect::<Vec<_>>()
    };
    let mut extents: Vec<_> = pieces.iter().flat_map(|(blob, entry)| extent(*blob, entry)).collect();
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
    Ok(LateObject {
        bucket: last.bucket.clone(),
        key: last.key.clone(),
        target: last.target,
        size,
        etag: ETag { md5, parts },
        modified_at: last.modified_at_us,
        attributes: ObjectAttributes::from_pairs(&last.attributes)?,
        extents: extents.into_iter().map(|(_, extent)| extent).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::CatalogExtent;

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

    fn blob(id: u8, entries: Vec<CatalogEntry>) -> LateBlob {
        LateBlob { id: BlobId([id; 16]), entries }
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
            blob(1, vec![entry(2, newer, Some(4), vec![piece(0, 0, 4)])]),
            blob(2, vec![entry(1, older, Some(4), vec![piece(0, 0, 4)]), entry(3, part, None, vec![piece(0, 4, 4)])]),
            blob(3, vec![entry(4, CatalogTarget::Version([5; 16]), Some(9), vec![piece(4, 0, 5)])]),
        ];
        let (objects, incomplete) = late_objects(&blobs);
        assert_eq!(objects.iter().map(|object| object.target).collect::<Vec<_>>(), [older, newer]);
        assert_eq!(incomplete.len(), 2);
        assert!(incomplete[0].contains("being written") && incomplete[1].contains("from 0 on"), "{incomplete:?}");
    }
}
