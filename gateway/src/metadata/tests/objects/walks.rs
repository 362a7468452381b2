//! Walks over versions and uploads, and leased tasks.

use crate::domain::{ObjectAttributes, Timestamp, Upload, UploadId, VersionLock};
use crate::metadata::objects::uploads::CreateUpload;
use crate::metadata::objects::walk::WalkPosition;
use crate::metadata::tests::fixture::{Fixture, both, key};

both! {
    async fn versions_are_walked_by_key(f: &Fixture) {
        for name in ["b", "a/1", "a/0", "c"] {
            f.put(name, 5).await;
        }
        let mut walked = Vec::new();
        let mut location = WalkPosition::default();
        loop {
            let page = f.store.walk_versions(f.bucket, &location, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            location = WalkPosition { key: last.key.as_bytes().to_vec(), seq: Some(last.seq) };
            walked.extend(page.into_iter().map(|version| (version.key.as_str().to_owned(), version.size, version.current)));
        }
        assert_eq!(walked, ["a/0", "a/1", "b", "c"].map(|name| (name.to_owned(), 5, true)));
        let after = WalkPosition { key: b"a/1".to_vec(), seq: None };
        assert_eq!(f.store.walk_versions(f.bucket, &after, 1).await.unwrap()[0].key, key("b"));
    }

    async fn uploads_that_were_left_alone_are_found(f: &Fixture) {
        let upload = |number: u8| Upload {
            id: UploadId([number; 16]),
            bucket: f.bucket,
            key: key("key"),
            attributes: ObjectAttributes::default(),
            checksum: None,
            created_at: Timestamp(1_000_000 * i64::from(number)),
            lock: VersionLock::NONE,
        };
        for number in [2, 1] {
            assert_eq!(f.store.create_upload(&upload(number), f.owner).await.unwrap(), CreateUpload::Created);
        }
        let stale = f.store.stale_uploads(60, 10).await.unwrap();
        assert_eq!(stale.iter().map(|one| one.id.0[0]).collect::<Vec<_>>(), [1, 2], "the oldest first");
        assert_eq!(f.store.stale_uploads(60, 1).await.unwrap().len(), 1);
        f.meddle("UPDATE upload SET created_at = created_at + 9000000000000000").await;
        assert_eq!(f.store.stale_uploads(60, 10).await.unwrap(), []);
    }

    async fn a_leased_task_has_one_owner_and_keeps_its_progress(f: &Fixture) {
        let take = |incarnation| f.store.acquire_leased_task::<Vec<u32>>("round", incarnation, 60);
        assert_eq!(take(f.incarnation).await.unwrap(), Some(vec![]));
        assert!(f.store.record_task_progress("round", f.incarnation, &vec![7_u32]).await.unwrap());
        assert_eq!(take(f.incarnation).await.unwrap(), Some(vec![7]), "its holder keeps it");
        f.meddle("INSERT INTO incarnation (id, gateway, lease_until, started_at) VALUES (77, 'x', 0, 0)").await;
        assert_eq!(take(77).await.unwrap(), None, "somebody else has it");
        assert!(!f.store.record_task_progress("round", 77, &vec![8_u32]).await.unwrap());
        f.meddle("UPDATE errand SET lease_until = 1").await;
        assert_eq!(take(77).await.unwrap(), Some(vec![7]), "its lease ran out");
        f.meddle("UPDATE errand SET lease_until = lease_until + 3600000000").await;
        f.meddle("UPDATE incarnation SET is_dead = TRUE WHERE id = 77").await;
        assert_eq!(take(f.incarnation).await.unwrap(), Some(vec![7]), "its holder is dead");
    }
}
