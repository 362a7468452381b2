//! Catalogs, and bytes that only look like catalogs.

use codec::{Catalog, CatalogEntry, CatalogError, CatalogExtent, CatalogTarget};
use proptest::prelude::*;

fn targets() -> impl Strategy<Value = CatalogTarget> {
    prop_oneof![
        any::<[u8; 16]>().prop_map(CatalogTarget::Version),
        any::<([u8; 16], u16)>().prop_map(|(upload, number)| CatalogTarget::Part { upload, number }),
    ]
}

fn extents() -> impl Strategy<Value = CatalogExtent> {
    any::<(u64, u64, u64)>().prop_map(|(object_offset, blob_offset, length)| CatalogExtent {
        object_offset,
        blob_offset,
        length,
    })
}

prop_compose! {
    fn entries()(
        names in (".{0,20}", prop::collection::vec(any::<u8>(), 0..40)),
        target in targets(),
        write_counter in any::<u64>(),
        object_size in any::<Option<u64>>(),
        etag in any::<Option<([u8; 16], Option<u16>)>>(),
        modified_at_us in any::<i64>(),
        attributes in prop::collection::vec((".{0,8}", ".{0,200}"), 0..4),
        extents in prop::collection::vec(extents(), 0..4),
    ) -> CatalogEntry {
        let (bucket, key) = names;
        CatalogEntry { bucket, key, target, write_counter, object_size, etag, modified_at_us, attributes, extents }
    }
}

fn catalogs() -> impl Strategy<Value = Catalog> {
    prop::collection::vec(entries(), 0..5).prop_map(|entries| Catalog { entries })
}

proptest! {
    #[test]
    fn a_catalog_is_read_as_it_was_written(catalog in catalogs()) {
        prop_assert_eq!(Catalog::decode(&catalog.encode()), Ok(catalog));
    }

    #[test]
    fn a_catalog_that_is_cut_or_extended_is_refused(catalog in catalogs(), byte in any::<u8>()) {
        let mut bytes = catalog.encode();
        for len in 0..bytes.len() {
            prop_assert!(Catalog::decode(&bytes[..len]).is_err());
        }
        bytes.push(byte);
        prop_assert!(Catalog::decode(&bytes).is_err());
    }

    /// One catalog, one spelling: whatever is read is written back as the same bytes.
    #[test]
    fn what_is_read_from_damaged_bytes_has_those_bytes(
        catalog in catalogs(), at in any::<prop::sample::Index>(), value in any::<u8>(),
    ) {
        let mut bytes = catalog.encode();
        let place = at.index(bytes.len());
        bytes[place] = value;
        if let Ok(read) = Catalog::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }

    #[test]
    fn garbage_is_no_catalog(mut bytes in prop::collection::vec(any::<u8>(), 18..200)) {
        prop_assert_eq!(Catalog::decode(&bytes), Err(CatalogError::NotACatalog));
        bytes[..10].copy_from_slice(b"HAULCATL\x00\x01");
        let end = bytes.len() - 8;
        let len = bytes.len() as u64;
        bytes[end..].copy_from_slice(&len.to_be_bytes());
        if let Ok(read) = Catalog::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }
}

#[test]
fn a_count_that_cannot_be_true_is_refused_at_once() {
    let mut bytes = b"HAULCATL\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec();
    let len = bytes.len() as u64 + 8;
    bytes.extend_from_slice(&len.to_be_bytes());
    assert_eq!(Catalog::decode(&bytes), Err(CatalogError::Damaged("cut off")));
}

#[test]
fn another_version_says_which() {
    let mut bytes = Catalog::default().encode();
    bytes[9] = 9;
    assert_eq!(Catalog::decode(&bytes), Err(CatalogError::Version(9)));
}

/// A provider that serves content chosen by a user as the beginning of a catalog is found out: the true length stands at the end,
/// where the cipher authenticates it.
#[test]
fn content_cannot_pretend_to_be_the_beginning_of_the_catalog() {
    let genuine = Catalog::default().encode();
    let mut chosen = b"HAULCATL\x00\x01\x01".to_vec();
    chosen.extend_from_slice(&genuine);
    assert_eq!(Catalog::decode(&chosen), Err(CatalogError::Damaged("length")));
}
