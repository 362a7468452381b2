//! Writing and deleting objects.

use crate::domain::{BucketId, Checksum, ChecksumAlgorithm, ChecksumKind, Extent, ObjectAttributes, WriteCondition};
use crate::metadata::commit::{Batch, Change, Outcome, PutChange, Refusal};
use crate::metadata::error::MetadataError;
use crate::metadata::tests::fixture::{Fixture, both, key, whole};
use crate::tests::wait_until;

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
        assert_eq!(outcomes, [Outcome::STORED]);
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
        assert_eq!(f.delete("key").await, Outcome::deleted(true));
        assert_eq!(f.current("key").await, None);
        assert_eq!(f.delete("key").await, Outcome::deleted(false));
        assert_eq!(f.dead().await.len(), 2);
    }
}

both! {
    async fn conditions_are_decided_in_the_transaction(f: &Fixture) {
        let (refused, _) = f.put_if("key", 1, WriteCondition::Present).await;
        assert_eq!(refused, Outcome::Refused(Refusal::NoSuchKey));
        let (stored, first) = f.put_if("key", 1, WriteCondition::Absent).await;
        assert_eq!(stored, Outcome::STORED);
        let (refused, _) = f.put_if("key", 1, WriteCondition::Absent).await;
        assert_eq!(refused, Outcome::Refused(Refusal::PreconditionFailed));
        let (stored, second) = f.put_if("key", 2, WriteCondition::Matches(first.etag)).await;
        assert_eq!(stored, Outcome::STORED);
        let stale = WriteCondition::Matches(first.etag);
        assert_eq!(f.delete_if("key", stale.clone()).await, Outcome::Refused(Refusal::PreconditionFailed));
        assert_eq!(f.current("key").await.unwrap(), second);
        assert_eq!(f.delete_if("key", WriteCondition::Matches(second.etag)).await, Outcome::deleted(true));
        assert_eq!(f.delete_if("key", stale).await, Outcome::Refused(Refusal::NoSuchKey));
        assert_eq!(f.dead().await.len(), 2, "what was stored; blobs of refused writes did not come");
    }

    async fn of_writers_who_find_nothing_exactly_one_wins(f: &Fixture) {
        let writers = (0..16).map(|_| f.put_if("key", 1, WriteCondition::Absent));
        let outcomes = futures::future::join_all(writers).await;
        let winners: Vec<_> = outcomes.iter().filter(|(outcome, _)| *outcome == Outcome::STORED).collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(f.current("key").await.as_ref(), Some(&winners[0].1));
    }

    async fn a_quilt_of_many_objects_is_one_transaction(f: &Fixture) {
        let quilt = f.blob(1_000, true);
        let versions: Vec<_> = (0..100)
            .map(|i| f.version(&format!("{i:03}"), vec![Extent { blob: quilt.blob.id, offset: i * 10, length: 10 }]))
            .collect();
        let changes = versions.iter().map(|version| Change::Put(f.put_change(version.clone()))).collect();
        let outcomes = f.commit(Batch { blobs: vec![quilt], changes }).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::STORED));
        for version in &versions {
            assert_eq!(f.current(version.key.as_str()).await.as_ref(), Some(version));
        }
        for version in &versions {
            assert_eq!(f.dead().await, [], "something still lives in it");
            f.delete(version.key.as_str()).await;
        }
        assert_eq!(f.dead().await.len(), 1);
    }

    async fn a_refused_change_leaves_the_others_of_its_batch(f: &Fixture) {
        f.put("taken", 5).await;
        let quilt = f.blob(20, true);
        let half = |offset| vec![Extent { blob: quilt.blob.id, offset, length: 10 }];
        let free = f.put_change(f.version("free", half(0)));
        let mut taken = f.put_change(f.version("taken", half(10)));
        taken.condition = WriteCondition::Absent;
        let changes = vec![Change::Put(taken), Change::Put(free.clone())];
        let outcomes = f.commit(Batch { blobs: vec![quilt], changes }).await.unwrap();
        assert_eq!(outcomes, [Outcome::Refused(Refusal::PreconditionFailed), Outcome::STORED]);
        assert_eq!(f.current("free").await.unwrap(), free.version);
        assert_eq!(f.current("taken").await.unwrap().size, 5);
    }

    async fn a_copy_shares_bytes_and_outlives_its_source(f: &Fixture) {
        let source = f.put("source", 30).await;
        let copied = f.version("copy", source.extents.clone());
        let mut copy = f.put_change(copied.clone());
        copy.source = Some(source.id);
        let batch = || Batch { blobs: Vec::new(), changes: vec![Change::Put(copy.clone())] };
        assert_eq!(f.commit(batch()).await.unwrap(), [Outcome::STORED]);
        f.delete("source").await;
        assert_eq!(f.dead().await, []);
        assert_eq!(f.current("copy").await.unwrap(), copied);
        assert_eq!(f.commit(batch()).await.unwrap(), [Outcome::Refused(Refusal::SourceGone)]);
        f.delete("copy").await;
        assert_eq!(f.dead().await, [source.extents[0].blob]);
    }

    async fn an_object_without_bytes_can_be_copied(f: &Fixture) {
        f.put_empty(&["source"]).await;
        let mut copy = f.put_change(f.version("copy", Vec::new()));
        copy.source = f.current("source").await.map(|version| version.id);
        let outcomes = f.commit(Batch { blobs: Vec::new(), changes: vec![Change::Put(copy)] }).await.unwrap();
        assert_eq!(outcomes, [Outcome::STORED]);
    }

    async fn a_copy_of_several_extents_lives_on_its_own(f: &Fixture) {
        let (one, two) = (f.blob(10, false), f.blob(20, false));
        let source = f.version("source", [whole(&one), whole(&two)].concat());
        let changes = vec![Change::Put(f.put_change(source.clone()))];
        f.commit(Batch { blobs: vec![one, two], changes }).await.unwrap();
        let copied = f.version("copy", source.extents.clone());
        let copy = Change::Put(PutChange { source: Some(source.id), ..f.put_change(copied.clone()) });
        assert_eq!(f.commit(Batch { blobs: Vec::new(), changes: vec![copy] }).await.unwrap(), [Outcome::STORED]);
        f.delete("source").await;
        assert_eq!(f.current("copy").await.unwrap(), copied);
        assert_eq!(f.dead().await, []);
    }

    async fn a_version_of_thousands_of_extents_comes_and_goes(f: &Fixture) {
        let blob = f.blob(5_000, false);
        let extents: Vec<_> = (0..2_500).map(|i| Extent { blob: blob.blob.id, offset: i * 2, length: 2 }).collect();
        let version = f.version("long", extents);
        let changes = vec![Change::Put(f.put_change(version.clone()))];
        f.commit(Batch { blobs: vec![blob], changes }).await.unwrap();
        let other = f.other_gateway_or_self().await;
        assert_eq!(*other.current(f.bucket, &key("long")).await.unwrap().unwrap(), version);
        f.agrees_with_itself().await;
        f.delete("long").await;
        while f.store.remove_some().await.unwrap() {}
        assert_eq!(f.dead().await.len(), 1);
    }

    async fn nothing_is_written_into_a_bucket_that_is_gone(f: &Fixture) {
        let mut put = f.put_change(f.version("key", Vec::new()));
        put.bucket = BucketId(999);
        let outcomes = f.commit(Batch { blobs: Vec::new(), changes: vec![Change::Put(put)] }).await.unwrap();
        assert_eq!(outcomes, [Outcome::Refused(Refusal::NoSuchBucket)]);
    }

    async fn a_bad_batch_does_not_hurt_its_neighbours(f: &Fixture) {
        let mut commits = Vec::new();
        for i in 0..8_u64 {
            let blob = f.blob(10, false);
            let mut extents = whole(&blob);
            extents[0].length += i % 2; // every other one leaves its blob
            let changes = vec![Change::Put(f.put_change(f.version(&format!("key{i}"), extents)))];
            commits.push(f.commit(Batch { blobs: vec![blob], changes }));
        }
        for (i, result) in futures::future::join_all(commits).await.into_iter().enumerate() {
            match result {
                Ok(outcomes) => assert_eq!((outcomes, i % 2), (vec![Outcome::STORED], 0)),
                Err(error) => assert!(matches!(error, MetadataError::Damaged(_)) && i % 2 == 1, "{error}"),
            }
        }
    }

    async fn a_commit_whose_caller_went_away_is_finished(f: &Fixture) {
        let version = f.version("key", Vec::new());
        let batch = Batch { blobs: Vec::new(), changes: vec![Change::Put(f.put_change(version.clone()))] };
        let mut commit = Box::pin(f.commit(batch));
        let _ = futures::poll!(&mut commit); // hands the batch over; whether the answer is there yet is nobody's promise
        drop(commit);
        wait_until("the commit is finished", async || f.current("key").await).await;
        f.store.close().await;
        let reopened = f.other_gateway().await;
        assert_eq!(*reopened.current(f.bucket, &key("key")).await.unwrap().unwrap(), version);
        assert!(f.commit(Batch::default()).await.is_err(), "a closed store says so");
        f.reopened(reopened);
    }

    async fn versions_of_a_key_are_numbered_in_their_order(f: &Fixture) {
        let mut last = 0;
        for size in 1..10 {
            f.put("key", size).await;
            let seq = f.one_int("SELECT MAX(seq) FROM version").await;
            assert!(seq > last, "{seq} after {last}");
            last = seq;
        }
        assert_eq!(f.one_int("SELECT COUNT(*) FROM version").await, 1);
    }

    async fn a_degraded_blob_asks_for_its_repair(f: &Fixture) {
        let mut blob = f.blob(10, false);
        blob.degraded = true;
        blob.blob.placements.truncate(5);
        let changes = vec![Change::Put(f.put_change(f.version("key", whole(&blob))))];
        f.commit(Batch { blobs: vec![blob], changes }).await.unwrap();
        assert_eq!(f.store.jobs().await.unwrap(), [("repair".to_owned(), 1)]);
    }
}
