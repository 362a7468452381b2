//! The format, pinned: what was once written is written again byte for byte, and is read for ever.
//!
//! The files under `tests/golden/` are whole slivers. A change that alters them makes every stored blob unreadable, or a second format:
//! it needs a new format version and new files beside these. To write files for a *new* sample (or after a format that was never
//! released has changed), run `HAULOUT_REGENERATE_GOLDEN=1 cargo test -p haulout-codec as_ever` and read the difference.

use std::fs;
use std::path::PathBuf;

use codec::{
    BlobLayout, BlobOpener, Catalog, CatalogEntry, CatalogExtent, CatalogTarget, FOOTER_TAIL_BYTES, FooterTail,
    HEADER_BYTES, SelfDescribed, StripeShape, reconstruct,
};

use crate::sample::{Stored, blob_id, cluster_key, noise, wrapped_key};

const FORMAT: &str = include_str!("../../FORMAT.md");

/// One golden blob.
struct Sample {
    name: &'static str,
    shape: StripeShape,
    content: Vec<u8>,
    catalog: Catalog,
}

fn samples() -> Vec<Sample> {
    let streaming = |scheme: &str| StripeShape::streaming(scheme.parse().unwrap());
    let quilt = StripeShape::quilt("rs-4-2".parse().unwrap());
    let tiny = StripeShape::new("rs-3-2".parse().unwrap(), 32, 2).unwrap();
    vec![
        Sample {
            name: "example",
            shape: streaming("rs-2-1"),
            content: b"Hello, Haulout!\n".to_vec(),
            catalog: Catalog { entries: vec![] },
        },
        Sample { name: "rs-4-2", shape: streaming("rs-4-2"), content: noise(1, 1000), catalog: one_object(1000) },
        Sample { name: "copy-3", shape: streaming("copy-3"), content: noise(2, 300), catalog: one_object(300) },
        Sample { name: "quilt", shape: quilt, content: noise(3, 9000), catalog: three_objects() },
        Sample { name: "stripes", shape: tiny, content: noise(4, 700), catalog: one_object(700) },
        Sample { name: "empty", shape: streaming("rs-2-1"), content: vec![], catalog: one_object(0) },
    ]
}

fn one_object(size: u64) -> Catalog {
    Catalog { entries: vec![object("photos", b"2026/seal.jpg", 0, size)] }
}

fn three_objects() -> Catalog {
    let mut part = object("photos", b"2026/walrus.tiff", 4100, 900);
    part.target = CatalogTarget::Part { upload: [0xcd; 16], number: 10_000 };
    part.object_size = None;
    part.etag = None;
    let mut joined = object("b\u{fc}cher", "gr\u{f6}nland/\u{1f9ad}".as_bytes(), 5000, 4000);
    joined.etag = Some(([0xee; 16], Some(3)));
    joined.attributes = vec![("content-type".into(), "text/plain".into()), ("x-amz-meta-a".into(), String::new())];
    joined.modified_at_us = -1;
    Catalog { entries: vec![object("photos", b"a", 0, 4100), part, joined] }
}

fn object(bucket: &str, key: &[u8], blob_offset: u64, length: u64) -> CatalogEntry {
    CatalogEntry {
        bucket: bucket.into(),
        key: key.to_vec(),
        target: CatalogTarget::Version([0xab; 16]),
        write_counter: 300 + blob_offset,
        object_size: Some(length),
        etag: Some(([0x5a; 16], None)),
        modified_at_us: 1_795_000_000_000_000,
        attributes: vec![("content-type".into(), "image/jpeg".into())],
        extents: if length == 0 { vec![] } else { vec![CatalogExtent { object_offset: 0, blob_offset, length }] },
    }
}

fn path(name: &str, index: usize) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).join(format!("{index}.sliver"))
}

#[test]
fn golden_blobs_are_written_as_ever() {
    for sample in samples() {
        let blob = Stored::new(sample.shape, &sample.content, &sample.catalog.encode());
        for (index, sliver) in blob.slivers.iter().enumerate() {
            let path = path(sample.name, index);
            if std::env::var_os("HAULOUT_REGENERATE_GOLDEN").is_some() {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, sliver).unwrap();
            }
            assert!(fs::read(&path).unwrap() == *sliver, "{} is no longer written as it was", path.display());
        }
    }
}

/// From the files and the cluster key alone, with as many slivers lost as the scheme allows.
#[test]
fn golden_blobs_are_read_for_ever() {
    for sample in samples() {
        let scheme = sample.shape.scheme;
        let kept: Vec<Vec<u8>> =
            (scheme.m()..scheme.n()).map(|index| fs::read(path(sample.name, index)).unwrap()).collect();
        let found: Vec<SelfDescribed> = kept.iter().map(|sliver| describe(sliver)).collect();
        let identity = found[0].identity;
        assert_eq!(identity.layout.shape, sample.shape);
        let key = cluster_key().unwrap_key(&identity.blob, &identity.wrapped_key).unwrap();
        let opener = BlobOpener::new(identity.blob, &key, identity.layout);

        let mut payload = Vec::new();
        for piece in identity.layout.pieces(0..identity.layout.payload_len()) {
            let range = identity.layout.block_range(piece.stripe);
            let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            let have: Vec<(u8, &[u8])> =
                found.iter().zip(&kept).map(|(sliver, bytes)| (sliver.identity.index, &bytes[range.clone()])).collect();
            let block = &reconstruct(scheme, &have, &[piece.index]).unwrap()[0].1;
            let sealed = &block[piece.block_offset()..piece.block_offset() + piece.sealed_len()];
            opener.open(&piece, sealed.into()).unwrap().iter().for_each(|part| payload.extend_from_slice(part));
        }
        let catalog = payload.split_off(sample.content.len());
        assert!(payload == sample.content, "{}", sample.name);
        assert_eq!(Catalog::decode(&catalog), Ok(sample.catalog), "{}", sample.name);
    }
}

fn describe(sliver: &[u8]) -> SelfDescribed {
    let tail = FooterTail::parse(&sliver[sliver.len() - FOOTER_TAIL_BYTES..]).unwrap();
    let footer = sliver.len() - usize::try_from(tail.footer_len()).unwrap();
    SelfDescribed::parse(&sliver[..HEADER_BYTES], &sliver[footer..], sliver.len() as u64).unwrap()
}

/// Blobs that are too large to keep: the hash of all their slivers, one after the other.
#[test]
fn golden_hashes_of_large_blobs_are_as_ever() {
    let expected = [
        ("rs-2-1", "3869e2647c7129f30a2728b649448f72"),
        ("rs-4-2", "8486abc2de5fd883ef51c1ea94df63b4"),
        ("rs-10-4", "e0babee0f385d58a34c0c3aeee775c3d"),
        ("rs-17-3", "a05702529974ed2937b9b397b7d751e2"),
        ("copy-2", "fff000cf87fe5f67e6477179f9cf5501"),
    ];
    let content = noise(9, 2_500_001);
    let found = expected.map(|(scheme, _)| {
        let blob = Stored::new(StripeShape::streaming(scheme.parse().unwrap()), &content, b"catalog");
        let mut hasher = blake3::Hasher::new();
        blob.slivers.iter().for_each(|sliver| {
            hasher.update(sliver);
        });
        (scheme, hex::encode(&hasher.finalize().as_bytes()[..16]))
    });
    assert_eq!(found.each_ref().map(|(scheme, hash)| (*scheme, hash.as_str())), expected);
}

#[test]
fn golden_keys_are_as_ever() {
    let key = cluster_key();
    assert_eq!(
        hex::encode(wrapped_key().0),
        "000000017477656c7665206e6f6e6365d722b7da1a66fabbd841f5f3b99da89026eb8e60db97c6821466a101e2f418aa89c15b579dabf70c0eaf1716e3b342bf"
    );
    assert_eq!(
        hex::encode(key.seal("access key", b"AKIA", b"secret", [7; 12])),
        "0707070707070707070707075e2ed732d3838e87ce66e521c61784162e0282b18602"
    );
    assert_eq!(hex::encode(key.check_value(&crate::sample::CLUSTER)), "0625a0cda43d59ab83b4d349afea1cfc");
}

/// The format document shows these very bytes.
#[test]
fn golden_example_is_the_example_of_the_format_document() {
    let sliver = fs::read(path("example", 0)).unwrap();
    for (number, line) in sliver.chunks(16).enumerate() {
        let bytes: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = format!("{:04x}: {}", 16 * number, bytes.join(" "));
        assert!(FORMAT.contains(&line), "FORMAT.md lacks the line\n{line}");
    }
    let catalog: Vec<String> = three_objects().entries[1..2]
        .iter()
        .flat_map(|entry| Catalog { entries: vec![entry.clone()] }.encode())
        .map(|byte| format!("{byte:02x}"))
        .collect();
    for line in catalog.chunks(16) {
        assert!(FORMAT.contains(&line.join(" ")), "FORMAT.md lacks the bytes {}", line.join(" "));
    }
}

/// Every constant that the document gives.
#[test]
fn golden_constants_are_those_of_the_format_document() {
    for constant in ["HAULSLIV", "HAULTAIL", "HAULCATL", "256 bytes", "96 bytes"] {
        assert!(FORMAT.contains(constant), "{constant}");
    }
    assert_eq!((HEADER_BYTES, FOOTER_TAIL_BYTES), (256, 96));
    assert_eq!(BlobLayout::header_len(), 256);
    assert_eq!(blob_id().to_string(), "000000077477656c7665206279746573");
}
