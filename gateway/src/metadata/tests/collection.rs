//! Dead blobs and sparse quilts.

use crate::domain::{Extent, Timestamp, Version};
use crate::metadata::blobs::owned_extent::ExtentMove;
use crate::metadata::commit::{Batch, Change, NewBlob};
use crate::metadata::error::MetadataError;
use crate::metadata::tests::fixture::{Fixture, both};

/// A quilt of four objects of 25 bytes.
async fn quilt(f: &Fixture, prefix: &str) -> (NewBlob, Vec<Version>) {
    let quilt = f.blob(100, true);
    let extent = |i: u64| vec![Extent { blob: quilt.blob.id, offset: i * 25, length: 25 }];
    let versions: Vec<_> = (0..4).map(|i| f.version(&format!("{prefix}{i}"), extent(i))).collect();
    let changes = versions.iter().map(|version| Change::Put(f.put_change(version.clone()))).collect();
    f.commit(Batch { blobs: vec![quilt.clone()], changes }).await.unwrap();
    (quilt, versions)
}

both! {
    async fn dead_blobs_are_handed_out_once_after_their_grace(f: &Fixture) {
        let early = f.put("early", 1).await;
        f.delete("early").await;
        assert_eq!(f.store.reclaimable(10).await.unwrap(), [], "its grace is an hour");
        f.store.set_grace_seconds(0);
        let blob = f.put("key", 1).await.extents[0].blob;
        f.delete("key").await;
        let expected = f.store.blob(&blob).await.unwrap().unwrap();
        assert_eq!(f.store.reclaimable(10).await.unwrap(), [(*expected).clone()]);
        assert_eq!(f.store.reclaimable(10).await.unwrap(), [], "claimed");
        f.store.reclaimed(&[blob, early.extents[0].blob]).await.unwrap();
        assert_eq!(f.store.blob(&blob).await.unwrap(), None);
        assert!(f.store.blob(&early.extents[0].blob).await.unwrap().is_some(), "what was not claimed stays");
    }

    async fn a_refused_change_leaves_no_row_of_its_blob(f: &Fixture) {
        f.put("key", 1).await;
        let (refused, version) = f.put_if("key", 1, crate::domain::WriteCondition::Absent).await;
        assert!(!refused.is_made());
        assert_eq!((f.one_int("SELECT COUNT(*) FROM blob").await, f.dead().await), (1, vec![]));
        assert_eq!(f.store.known_slivers(&[(version.extents[0].blob, 0, 7, "b0".parse().unwrap())]).await.unwrap(), [false]);
        // One of two in a blob keeps it.
        let blob = f.blob(20, true);
        let half = |offset| vec![Extent { blob: blob.blob.id, offset, length: 10 }];
        let mut first = f.put_change(f.version("key", half(0)));
        first.condition = crate::domain::WriteCondition::Absent;
        let second = f.put_change(f.version("other", half(10)));
        let changes = vec![Change::Put(first), Change::Put(second)];
        let outcomes = f.commit(Batch { blobs: vec![blob.clone()], changes }).await.unwrap();
        assert_eq!(outcomes.iter().map(crate::metadata::Outcome::is_made).collect::<Vec<_>>(), [false, true]);
        assert!(f.store.blob(&blob.blob.id).await.unwrap().is_some());
    }

    async fn a_claim_that_ran_out_is_handed_out_again(f: &Fixture) {
        f.store.set_grace_seconds(0);
        f.put("key", 1).await;
        f.delete("key").await;
        assert_eq!(f.store.reclaimable(10).await.unwrap().len(), 1);
        f.meddle("UPDATE reclaim SET claimed_until = 1").await;
        assert_eq!(f.store.reclaimable(10).await.unwrap().len(), 1);
    }

    async fn what_nobody_reads_any_more_is_known_before_its_grace_is_over(f: &Fixture) {
        let mut blobs = Vec::new();
        for key in ["one", "two", "three"] {
            blobs.push(f.put(key, 1).await.extents[0].blob);
            f.delete(key).await;
        }
        let before = f.store.draw_number().await.unwrap();
        let first = f.store.dead_blobs(None, 2).await.unwrap();
        assert_eq!((first.blobs.len(), first.number > before), (2, true));
        let second = f.store.dead_blobs(first.next, 2).await.unwrap();
        assert_eq!((second.blobs.len(), second.next, second.number > first.number), (1, None, true));
        let mut seen = [first.blobs.clone(), second.blobs].concat();
        blobs.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, blobs);

        assert_eq!(f.store.oldest_read().await.unwrap(), 0, "it has not said so yet");
        f.store.publish_oldest_read(f.incarnation, second.number).await.unwrap();
        assert_eq!(f.store.oldest_read().await.unwrap(), second.number);
        if f.store.is_shared() {
            let other = f.store.begin_incarnation("another gateway", 60).await.unwrap();
            assert_eq!(f.store.oldest_read().await.unwrap(), 0, "another one may be reading");
            f.store.publish_oldest_read(other, first.number).await.unwrap();
            assert_eq!(f.store.oldest_read().await.unwrap(), first.number);
            f.store.end_incarnation(other).await.unwrap();
            assert_eq!(f.store.oldest_read().await.unwrap(), second.number, "the dead read nothing");
            let dead = f.store.publish_oldest_read(other, second.number).await;
            assert!(matches!(dead, Err(MetadataError::Fenced)));
        }

        assert_eq!(f.store.reclaimable(10).await.unwrap(), [], "the grace of none is over");
        assert_eq!(f.store.claim_dead(first.blobs.clone()).await.unwrap().len(), 2);
        assert_eq!(f.store.claim_dead(first.blobs.clone()).await.unwrap(), [], "claimed");
        assert_eq!(f.store.dead_blobs(None, 10).await.unwrap().blobs.len(), 1, "what was claimed is somebody's already");
        f.store.reclaimed(&first.blobs).await.unwrap();
        assert_eq!(f.dead().await.len(), 1);
    }

    async fn what_lives_is_not_claimed_early_either(f: &Fixture) {
        let version = f.put("key", 1).await;
        f.meddle("INSERT INTO reclaim (blob_id, not_before) SELECT id, 0 FROM blob").await;
        assert_eq!(f.store.claim_dead(vec![version.extents[0].blob]).await.unwrap(), []);
        f.meddle("DELETE FROM reclaim").await;
    }

    async fn a_blob_that_cannot_be_deleted_lets_those_behind_it_pass(f: &Fixture) {
        f.store.set_grace_seconds(0);
        let mut ids = Vec::new();
        for key in ["first", "second"] {
            ids.push(f.put(key, 1).await.extents[0].blob);
            f.delete(key).await;
        }
        f.meddle("UPDATE reclaim SET not_before = 1").await;
        let first = f.store.reclaimable(1).await.unwrap()[0].id;
        f.store.postpone_reclaim(&[first]).await.unwrap();
        f.meddle("UPDATE reclaim SET claimed_until = 1").await;
        let claimed: Vec<_> = f.store.reclaimable(10).await.unwrap().iter().map(|blob| blob.id).collect();
        ids.retain(|id| *id != first);
        assert_eq!(claimed, ids, "the first waits, whatever its claim");
        f.meddle("UPDATE reclaim SET not_before = 1, claimed_until = 1").await;
        assert_eq!(f.store.reclaimable(10).await.unwrap().len(), 2, "and is tried again");
    }

    async fn what_lives_is_kept_whatever_the_queue_says(f: &Fixture) {
        let version = f.put("key", 1).await;
        f.meddle("INSERT INTO reclaim (blob_id, not_before) SELECT id, 0 FROM blob").await;
        assert_eq!(f.store.reclaimable(10).await.unwrap(), []);
        f.store.reclaimed(&[version.extents[0].blob]).await.unwrap();
        let kept = f.store.blobs_after(None, Timestamp(i64::MAX), 10).await.unwrap();
        assert_eq!((kept.len(), kept[0].placements.len()), (1, 6), "even if somebody says its slivers are gone");
        f.meddle("DELETE FROM reclaim").await;
    }

    async fn a_quilt_mostly_of_holes_is_compacted(f: &Fixture) {
        let (old, versions) = quilt(f, "a").await;
        let (kept, _) = quilt(f, "b").await;
        f.delete("a0").await;
        f.delete("a2").await;
        assert_eq!(f.store.sparse_quilts(None, 10).await.unwrap(), [], "half of it is alive");
        f.delete("a3").await;
        f.delete("b3").await;
        assert!(f.current("a1").await.is_some());
        let sparse = f.store.sparse_quilts(None, 10).await.unwrap();
        assert_eq!(sparse.len(), 1);
        assert_eq!(f.store.sparse_quilts(Some(old.blob.id), 10).await.unwrap(), [], "there is none behind it");
        assert_eq!(sparse[0].blob, old.blob);
        let [living] = &*sparse[0].extents else { panic!("one is left: {sparse:?}") };
        assert_eq!(living.extent, versions[1].extents[0]);

        let new = f.blob(25, true);
        let to = Extent { blob: new.blob.id, offset: 0, length: 25 };
        let moved = f.store.move_extents(f.incarnation, vec![new.clone()], vec![ExtentMove { from: *living, to }]);
        assert_eq!(moved.await.unwrap(), [true]);
        assert_eq!(f.current("a1").await.unwrap(), Version { extents: vec![to], ..versions[1].clone() });
        assert_eq!(f.dead().await, [old.blob.id]);
        let again = f.store.move_extents(f.incarnation, Vec::new(), vec![ExtentMove { from: *living, to }]);
        assert_eq!(again.await.unwrap(), [false], "it lies elsewhere now");
        f.delete("a1").await;
        let mut dead = vec![old.blob.id, new.blob.id];
        dead.sort_unstable();
        assert_eq!(f.dead().await, dead);
        assert!(f.store.blob(&kept.blob.id).await.unwrap().is_some());
    }

    async fn a_quilt_is_compacted_by_one_gateway_at_a_time(f: &Fixture) {
        let other = f.other_gateway_or_self().await;
        let (one, _) = quilt(f, "a").await;
        let (two, _) = quilt(f, "b").await;
        let dead = f.put("key", 1).await.extents[0].blob;
        f.delete("key").await;
        let ids = vec![one.blob.id, two.blob.id, dead, f.blob(1, true).blob.id];
        assert_eq!(f.store.claim_compactions(vec![one.blob.id], 600).await.unwrap(), [one.blob.id].into());
        assert_eq!(other.claim_compactions(ids.clone(), 600).await.unwrap(), [two.blob.id].into(), "the dead are nobody's");
        assert_eq!(f.store.claim_compactions(ids.clone(), 600).await.unwrap(), [].into());
        f.meddle("UPDATE job SET claimed_until = 1 WHERE kind = 'compact'").await;
        assert_eq!(f.store.claim_compactions(ids, 600).await.unwrap().len(), 2, "who had claimed them is gone");
        assert_eq!(f.store.claim_repairs(10, 600).await.unwrap().len(), 0, "nobody repairs them");
        // Claims go with their blobs.
        f.store.set_grace_seconds(0);
        for name in ["a0", "a1", "a2", "a3"] {
            f.delete(name).await;
        }
        f.meddle("UPDATE reclaim SET not_before = 1").await;
        let reclaimable: Vec<_> = f.store.reclaimable(10).await.unwrap().iter().map(|blob| blob.id).collect();
        f.store.reclaimed(&reclaimable).await.unwrap();
        assert_eq!(f.one_int("SELECT COUNT(*) FROM job").await, 1);
    }

    async fn a_move_that_comes_too_late_leaves_no_row_of_its_blob(f: &Fixture) {
        let (_, _) = quilt(f, "a").await;
        for name in ["a0", "a1", "a2"] {
            f.delete(name).await;
        }
        let living = f.store.sparse_quilts(None, 10).await.unwrap()[0].extents[0];
        f.delete("a3").await;
        let new = f.blob(25, true);
        let to = Extent { blob: new.blob.id, offset: 0, length: 25 };
        let moved = f.store.move_extents(f.incarnation, vec![new.clone()], vec![ExtentMove { from: living, to }]);
        assert_eq!(moved.await.unwrap(), [false]);
        assert_eq!(f.store.blob(&new.blob.id).await.unwrap(), None, "nothing came to lie in it");
        let fenced = f.store.move_extents(99, Vec::new(), Vec::new()).await;
        assert!(matches!(fenced, Err(MetadataError::Fenced)));
    }
}
