//! What the benches write: small objects that share a quilt of `rs-4-2`.

use codec::{BlobId, BlobLayout, Root, StripeShape, WrappedKey};
use gateway::clock::{Ambient, random};
use gateway::domain::{
    BackendId, BucketId, ETag, Extent, ObjectAttributes, ObjectKey, Placement, StoredBlob, Timestamp, Version,
    VersionId, VersionLock, WriteCondition,
};
use gateway::metadata::{Batch, Change, NewBlob, PutChange};

/// PUTs of objects of so many bytes each, which lie one after the other in a quilt on the backends that are named by blob and index.
pub fn puts(
    ambient: &Ambient,
    incarnation: u32,
    objects: impl ExactSizeIterator<Item = (BucketId, ObjectKey)>,
    object_bytes: u64,
    backend: impl Fn(BlobId, u8) -> BackendId,
) -> Batch {
    let entropy = &*ambient.entropy;
    let id = BlobId::new(incarnation, random(entropy));
    let shape = StripeShape::quilt("rs-4-2".parse().expect("a scheme"));
    let content_len = object_bytes * objects.len() as u64;
    let placements =
        (0..6).map(|index| Placement { index, backend: backend(id, index), attempt: 1, root: Root(random(entropy)) });
    let blob = StoredBlob {
        id,
        layout: BlobLayout { shape, content_len, catalog_len: 2_000 },
        wrapped_key: WrappedKey([1; 64]),
        rewrapped_key: None,
        placements: placements.collect(),
    };
    let changes = objects.zip(0..).map(|((bucket, key), at)| {
        let version = Version {
            null: true,
            lock: VersionLock::NONE,
            id: VersionId(random(entropy)),
            key,
            size: object_bytes,
            etag: ETag::of_content(random(entropy)),
            modified_at: Timestamp(1_700_000_000_000_000),
            attributes: ObjectAttributes {
                content_type: Some("application/octet-stream".to_owned()),
                ..ObjectAttributes::default()
            },
            checksum: None,
            extents: vec![Extent { blob: id, offset: at * object_bytes, length: object_bytes }],
        };
        let condition = WriteCondition::None;
        let (parts, source, events) = (Vec::new(), None, Vec::new());
        Change::Put(PutChange { bucket, version, parts, condition, source, events })
    });
    let changes = changes.collect();
    Batch { blobs: vec![NewBlob { blob, degraded: false, quilt: true }], changes }
}
