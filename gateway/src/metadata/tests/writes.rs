//! Writing and deleting objects.

use super::super::{Batch, Change, MetadataError, Outcome, Refusal};
use super::fixture::{Fixture, both, key, whole};
use crate::domain::{BucketId, Checksum, ChecksumAlgorithm, ChecksumKind, Extent, ObjectAttributes, WriteCondition};

both! {
    async fn a_version_is_read_back_as_it_was_written(f: &Fixture) {
        let blob = f.blob(1_000, false);
        let mut version = f.version("photos/seal.jpg", whole(&blob));
        version.attributes = ObjectAttributes {
            content_type: Some("image/jpeg".to_owned()),
            user: vec![("place".to_owned(), "Å".to_owned())],
            ..ObjectAttributes::default()
        };
        version.checksum =
            Some(Checksum { algorithm: ChecksumAlgorithm::Crc32c, kind: ChecksumKind::FullObject, value: vec![1, 2, 3, 4] });
        assert_eq!(f.current("photos/seal.jpg").await, None);
        let put = Change::Put(f.put_change(version.clone()));
        let outcomes = f.commit(Batch { blobs: vec![blob.clone()], changes: vec![put] }).await.unwrap();
        assert_eq!(outcomes, [Outcome::Stored]);
        for _ in 0..2 {
            assert_eq!(f.current("photos/seal.jpg").await.as_ref(), Some(&version), "from the cache and without it");
            assert_eq!(*f.store.blob(&blob.blob.id).await.unwrap().unwrap(), blob.blob);
            f.store.forget_blob(&blob.blob.id);
        }
    }

    async fn what_is_replaced_or_deleted_dies(f: &Fixture) {
        let old = f.put("key", 10).await;
        let new = f.put("key", 20).await;
        assert_eq!(f.current("key").await.unwrap(), new);
        assert_eq!(f.dead().await, [old.extents[0].blob]);
        assert_eq!(f.delete("key").await, Outcome::Deleted { existed: true });
        assert_eq!(f.current("key").await, None);
        assert_eq!(f.delete("key").await, Outcome::Deleted { existed: false });
        assert_eq!(f.dead().await.len(), 2);
    }
}
