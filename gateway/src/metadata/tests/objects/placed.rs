//! Placement rules: which hold for a blob, and the walk through what a bucket has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use codec::BlobId;

use crate::domain::{Bucket, BucketId, PlacementRule};
use crate::metadata::commit::{Batch, Change, PutChange};
use crate::metadata::tests::fixture::{Fixture, both, whole};
use crate::metadata::tests::objects::uploads::{begin, send};
use crate::metadata::{ContentPosition, CreateBucket, ExtentOwner, NewBucket};

fn excluding(name: &str) -> PlacementRule {
    PlacementRule { exclude: BTreeSet::from([name.to_owned()]), ..PlacementRule::default() }
}

async fn bucket(f: &Fixture, name: &str) -> Arc<Bucket> {
    let made = f.store.create_bucket(NewBucket::new(f.owner, name.parse().unwrap(), "")).await.unwrap();
    match made {
        CreateBucket::Created(bucket) | CreateBucket::OwnedByYou(bucket) => bucket,
        CreateBucket::Taken => panic!("nobody else is here"),
    }
}

/// The blobs of a bucket, each as often as the walk met it with so many extents at a time.
async fn walked(f: &Fixture, bucket: BucketId, most: usize) -> BTreeMap<BlobId, u32> {
    let (mut blobs, mut at) = (BTreeMap::new(), Some(ContentPosition::default()));
    while let Some(position) = at {
        let page = f.store.walk_content(bucket, &position, most).await.unwrap();
        for (blob, backends) in page.blobs {
            assert_eq!(backends.len(), 6);
            *blobs.entry(blob).or_default() += 1;
        }
        at = page.next;
    }
    blobs
}

both! {
    async fn the_rules_over_a_blob_are_those_of_the_buckets_in_it(f: &Fixture) {
        let (first, second) = (bucket(f, "first-bucket").await, bucket(f, "second-bucket").await);
        let version = f.put("one", 10_000).await;
        let blob = version.extents[0].blob;
        let mut copy = f.version("one", version.extents.clone());
        copy.size = version.size;
        let put = PutChange { bucket: second.id, source: Some(version.id), ..f.put_change(copy.clone()) };
        f.commit(Batch { blobs: Vec::new(), changes: vec![Change::Put(put)] }).await.unwrap();
        assert!(f.store.placement_rules_over(&[blob]).await.unwrap().is_empty(), "nobody has a rule");
        assert_eq!(f.store.placement_rules_changed_at().await.unwrap(), None);

        f.store.set_setting(&first, &excluding("b1")).await.unwrap();
        let over = f.store.placement_rules_over(&[blob]).await.unwrap();
        assert_eq!(over[&blob], [Arc::new(excluding("b1"))]);
        f.store.set_setting(&second, &excluding("b1")).await.unwrap();
        assert_eq!(f.store.placement_rules_over(&[blob]).await.unwrap()[&blob].len(), 1, "the same rule is one");
        f.store.set_setting(&second, &excluding("b2")).await.unwrap();
        assert_eq!(f.store.placement_rules_over(&[blob]).await.unwrap()[&blob].len(), 2);
        let owners = f.store.placement_rules_of_owners(&[blob]).await.unwrap();
        assert_eq!(*owners[&ExtentOwner(version.id.0)], excluding("b1"));
        assert_eq!(*owners[&ExtentOwner(copy.id.0)], excluding("b2"));
        assert_eq!(f.store.placement_rules(10).await.unwrap().len(), 2);
        assert!(f.store.placement_rules_changed_at().await.unwrap().is_some());

        // A part of an upload, and a version of two extents.
        let upload = begin(f, "parts").await;
        let (_, part) = send(f, &upload, 1, 50_000).await;
        let blobs = [f.blob(40_000, false), f.blob(60_000, false)];
        let pieces = f.version("two", blobs.iter().flat_map(whole).collect());
        let changes = vec![Change::Put(f.put_change(pieces.clone()))];
        f.commit(Batch { blobs: blobs.to_vec(), changes }).await.unwrap();
        let ids = [part.extents[0].blob, blobs[0].blob.id, blobs[1].blob.id];
        let over = f.store.placement_rules_over(&ids).await.unwrap();
        assert!(ids.iter().all(|id| over[id] == [Arc::new(excluding("b1"))]), "{over:?}");
        let owners = f.store.placement_rules_of_owners(&ids).await.unwrap();
        assert_eq!(owners.len(), 2, "a version and a part: {owners:?}");
        f.store.clear_setting::<PlacementRule>(&first).await.unwrap();
        assert!(f.store.placement_rules_over(&ids).await.unwrap().is_empty());
    }

    async fn a_rule_that_cannot_be_read_is_no_absence(f: &Fixture) {
        let first = bucket(f, "first-bucket").await;
        let version = f.put("one", 10_000).await;
        f.store.set_setting(&first, &excluding("b1")).await.unwrap();
        f.meddle("UPDATE bucket_setting SET document = '{\"countries\":[]}'").await;
        assert!(f.store.placement_rules_over(&[version.extents[0].blob]).await.is_err());
        assert!(f.store.placement_rules(1).await.is_err());
    }

    async fn the_walk_meets_each_extent_once_however_small_its_pages(f: &Fixture) {
        let other = bucket(f, "second-bucket").await;
        let mut all = BTreeSet::new();
        for name in ["a", "b", "d"] {
            all.insert(f.put(name, 10_000).await.extents[0].blob);
        }
        f.put_empty(&["c", "e"]).await;
        let blobs = [f.blob(10_000, false), f.blob(20_000, false), f.blob(30_000, false)];
        all.extend(blobs.iter().map(|blob| blob.blob.id));
        let pieces = f.version("bb", blobs.iter().flat_map(whole).collect());
        let changes = vec![Change::Put(f.put_change(pieces))];
        f.commit(Batch { blobs: blobs.to_vec(), changes }).await.unwrap();
        let upload = begin(f, "parts").await;
        for number in 1..=3 {
            all.insert(send(f, &upload, number, 10_000).await.1.extents[0].blob);
        }
        for most in [1, 2, 3, 100] {
            let walked = walked(f, f.bucket, most).await;
            assert_eq!(walked.keys().copied().collect::<BTreeSet<_>>(), all, "pages of {most}");
            assert!(walked.values().all(|times| *times == 1), "pages of {most}: {walked:?}");
        }
        assert!(walked(f, other.id, 10).await.is_empty(), "another bucket has nothing");

        let some: Vec<BlobId> = all.iter().copied().take(2).collect();
        assert_eq!(f.store.enqueue_misplaced(some.clone()).await.unwrap(), 2);
        assert_eq!(f.store.enqueue_misplaced(some).await.unwrap(), 0, "once");
        assert_eq!(f.store.enqueue_misplaced(Vec::new()).await.unwrap(), 0);
    }
}
