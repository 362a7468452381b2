//! Walks over versions and uploads, and leased tasks.

use crate::domain::{ObjectAttributes, Timestamp, Upload, UploadId, VersionLock};
use crate::metadata::commit::{Batch, Change};
use crate::metadata::objects::uploads::CreateUpload;
use crate::metadata::objects::walk::{WalkPage, WalkPosition};
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
            let ended = page.ended;
            let last = page.versions.last().expect("some at least");
            location = WalkPosition { key: last.key.as_bytes().to_vec(), seq: Some(last.seq) };
            let seen = page.versions.into_iter();
            walked.extend(seen.map(|version| (version.key.as_str().to_owned(), version.size, version.current)));
            if ended {
                break;
            }
        }
        assert_eq!(walked, ["a/0", "a/1", "b", "c"].map(|name| (name.to_owned(), 5, true)));
        let after = WalkPosition { key: b"a/1".to_vec(), seq: None };
        assert_eq!(f.store.walk_versions(f.bucket, &after, 1).await.unwrap().versions[0].key, key("b"));
        let last = WalkPosition { key: b"c".to_vec(), seq: None };
        assert_eq!(f.store.walk_versions(f.bucket, &last, 1).await.unwrap(), WalkPage { versions: vec![], ended: true });
    }

    async fn all_versions_are_walked_whatever_the_page(f: &Fixture) {
        let bucket = f.store.bucket(&"first-bucket".parse().unwrap()).await.unwrap().unwrap();
        f.store.set_versioning(&bucket, true).await.unwrap();
        let mut expected = Vec::new();
        for (name, versions) in [("a", 1), ("b", 7), ("c", 2), ("d", 3), ("e", 1)] {
            let mut of_key = Vec::new();
            for _ in 0..versions {
                let put = Change::Put(f.put_change(f.version(name, Vec::new())));
                let outcomes = f.commit(Batch { blobs: Vec::new(), changes: vec![put] }).await.unwrap();
                assert!(outcomes[0].is_made());
                of_key.push(f.current(name).await.unwrap().id);
            }
            expected.extend(of_key.into_iter().rev());
        }
        for most in 1..16 {
            let (mut walked, mut location) = (Vec::new(), WalkPosition::default());
            loop {
                let page = f.store.walk_versions(f.bucket, &location, most).await.unwrap();
                assert!(page.versions.len() <= most);
                if let Some(last) = page.versions.last() {
                    location = WalkPosition { key: last.key.as_bytes().to_vec(), seq: Some(last.seq) };
                }
                walked.extend(page.versions.iter().map(|version| version.id));
                if page.ended {
                    break;
                }
                assert!(!page.versions.is_empty(), "it goes on");
            }
            assert_eq!(walked, expected, "{most}");
        }
    }

    async fn a_version_that_cannot_be_read_is_walked_past(f: &Fixture) {
        f.put_empty(&["a", "b", "c"]).await;
        f.meddle("UPDATE version SET attributes = 'what' WHERE key = (SELECT key FROM version ORDER BY key LIMIT 1 OFFSET 1)").await;
        let page = f.store.walk_versions(f.bucket, &WalkPosition::default(), 10).await.unwrap();
        let readable: Vec<_> = page.versions.iter().map(|version| version.attributes.is_some()).collect();
        assert_eq!((readable, page.ended), (vec![true, false, true], true));
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
        let stale = f.store.stale_uploads(60, None, 10).await.unwrap();
        assert_eq!(stale.iter().map(|one| one.id.0[0]).collect::<Vec<_>>(), [1, 2], "the oldest first");
        assert_eq!(f.store.stale_uploads(60, Some(&stale[0]), 1).await.unwrap(), stale[1..], "and then those behind it");
        f.meddle("UPDATE upload SET created_at = created_at + 9000000000000000").await;
        assert_eq!(f.store.stale_uploads(60, None, 10).await.unwrap(), []);
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
