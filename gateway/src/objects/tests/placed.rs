//! Buckets with placement rules: what they share, what they must not share, and what moves when a rule comes later.

use std::collections::BTreeSet;
use std::sync::Arc;

use backends::{Fault, Operation, When};
use bytes::Bytes;

use super::fixture::{Fixture, content, object_key};
use crate::domain::{Bucket, ObjectAttributes, PlacementRule, Version, VersionLock, WriteCondition};
use crate::metadata::{ContentPosition, CreateBucket, NewBucket};
use crate::objects::encryption::encryption_key::Opener;
use crate::objects::requests::{Copy, Put};
use crate::objects::write::body::{BodyPromise, BytesBody};
use crate::tests::wait_until;

impl Fixture {
    /// A bucket whose slivers may not lie on these backends.
    async fn bucket_without(&self, name: &str, exclude: &[&str]) -> Arc<Bucket> {
        let name = name.parse().expect("a bucket name");
        let made = self.metadata.create_bucket(NewBucket::new(self.bucket.owner, name, "")).await.expect("a bucket");
        let CreateBucket::Created(bucket) = made else { panic!("a new bucket") };
        if exclude.is_empty() { bucket } else { self.exclude(&bucket, exclude).await }
    }

    /// The bucket with another rule.
    async fn exclude(&self, bucket: &Bucket, names: &[&str]) -> Arc<Bucket> {
        let exclude = names.iter().map(|name| (*name).to_owned()).collect();
        let rule = PlacementRule { exclude, ..PlacementRule::default() };
        assert!(self.metadata.set_setting(bucket, &rule).await.expect("a database"));
        self.metadata.bucket(&bucket.name).await.expect("a database").expect("it is there")
    }

    async fn put_into(&self, bucket: &Arc<Bucket>, key: &str, content: &Bytes) {
        let put = Put {
            origin: None,
            bucket: Arc::clone(bucket),
            key: object_key(key),
            attributes: ObjectAttributes::default(),
            lock: VersionLock::NONE,
            condition: WriteCondition::None,
            promise: BodyPromise { length: Some(content.len() as u64), ..BodyPromise::default() },
            cipher: None,
        };
        self.objects.put(put, Box::new(BytesBody::new(content.clone()))).await.expect("written");
    }

    async fn copy_into(&self, from: &Arc<Bucket>, to: &Arc<Bucket>, key: &str) {
        let copy = Copy {
            origin: None,
            source: self.version_in(from, key).await,
            source_bucket: Arc::clone(from),
            bucket: Arc::clone(to),
            key: object_key(key),
            attributes: ObjectAttributes::default(),
            lock: VersionLock::NONE,
            condition: WriteCondition::None,
            algorithm: None,
            opener: Opener { account: from.owner, customer: None, peer: None },
            key_choice: None,
        };
        self.objects.copy(copy).await.expect("copied");
    }

    async fn version_in(&self, bucket: &Bucket, key: &str) -> Arc<Version> {
        self.objects.current(bucket, &object_key(key)).await.expect("a database").expect("it is there")
    }

    /// The backends of what an object lies in.
    async fn lies_on(&self, bucket: &Bucket, key: &str) -> BTreeSet<String> {
        let mut backends = BTreeSet::new();
        for extent in &self.version_in(bucket, key).await.extents {
            let blob = self.metadata.blob(&extent.blob).await.expect("a database").expect("it is there");
            backends.extend(blob.placements.iter().map(|placement| placement.backend.to_string()));
        }
        backends
    }

    /// Walks through a bucket and repairs until there is no more to do now; how many blobs were queued.
    async fn move_misplaced(&self, bucket: &Bucket) -> u64 {
        let (mut enqueued, mut at) = (0, Some(ContentPosition::default()));
        while let Some(position) = at {
            let step = self.objects.enqueue_misplaced(bucket, &position).await.expect("a database");
            enqueued += step.enqueued;
            at = step.next;
        }
        while self.objects.repair().await.expect("repaired") > 0 {}
        enqueued
    }
}

fn is_within(backends: &BTreeSet<String>, names: &[&str]) -> bool {
    backends.iter().all(|backend| names.contains(&backend.as_str()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_objects_share_a_quilt_only_under_one_rule() {
    let fixture = Fixture::new("rs-2-1", 6).await;
    let ruled = fixture.bucket_without("ruled", &["b0", "b1", "b2"]).await;
    let body = content(3_000);
    for round in 0..8 {
        let keys = [format!("{round}-a"), format!("{round}-b"), format!("{round}-c")];
        tokio::join!(
            fixture.put_into(&ruled, &keys[0], &body),
            fixture.put_into(&fixture.bucket, &keys[1], &body),
            fixture.put_into(&ruled, &keys[2], &body),
        );
        for key in [&keys[0], &keys[2]] {
            assert!(is_within(&fixture.lies_on(&ruled, key).await, &["b3", "b4", "b5"]));
        }
    }
    let large = content(3_000_000);
    fixture.put_into(&ruled, "large", &large).await;
    assert!(is_within(&fixture.lies_on(&ruled, "large").await, &["b3", "b4", "b5"]));
    assert!(fixture.check().await.clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_shares_bytes_only_where_they_may_lie() {
    let fixture = Fixture::new("rs-2-1", 6).await;
    let narrow = fixture.bucket_without("narrow", &["b0", "b1", "b2"]).await;
    let alike = fixture.bucket_without("alike", &["b0", "b1", "b2"]).await;
    for body in [content(3_000), content(3_000_000)] {
        let key = body.len().to_string();
        fixture.put_into(&fixture.bucket, &key, &body).await;
        let before = fixture.slivers().await;
        fixture.copy_into(&fixture.bucket, &narrow, &key).await;
        assert_eq!(fixture.slivers().await, before + 3, "it has bytes of its own");
        assert!(is_within(&fixture.lies_on(&narrow, &key).await, &["b3", "b4", "b5"]));
        fixture.copy_into(&narrow, &alike, &key).await;
        let free = fixture.bucket_without(&format!("free-{key}"), &[]).await;
        fixture.copy_into(&narrow, &free, &key).await;
        assert_eq!(fixture.slivers().await, before + 3, "buckets with the same rule or none share them");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_rule_moves_what_lies_outside_and_only_that() {
    let fixture = Fixture::new("rs-2-1", 6).await;
    let bodies = [content(3_000), content(3_000_000)];
    for (at, body) in bodies.iter().enumerate() {
        fixture.put_into(&fixture.bucket, &at.to_string(), body).await;
    }
    let outside = fixture.lies_on(&fixture.bucket, "1").await.first().expect("three").clone();
    let bucket = fixture.exclude(&fixture.bucket, &[&outside]).await;
    assert!(fixture.move_misplaced(&bucket).await >= 1);
    for (at, body) in bodies.iter().enumerate() {
        let backends = fixture.lies_on(&bucket, &at.to_string()).await;
        assert!(!backends.contains(&outside) && backends.len() == 3, "{backends:?}");
        assert!(fixture.get(&at.to_string()).await.expect("read") == *body);
    }
    assert_eq!(fixture.move_misplaced(&bucket).await, 0, "nothing is left to move");
    while fixture.discard().await > 0 {}
    assert!(fixture.check().await.clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_rules_tear_apart_is_divided() {
    let fixture = Fixture::new("rs-2-1", 6).await;
    let other = fixture.bucket_without("other", &[]).await;
    let bodies = [content(3_000), content(5_000_000)];
    for (at, body) in bodies.iter().enumerate() {
        fixture.put_into(&fixture.bucket, &at.to_string(), body).await;
        fixture.copy_into(&fixture.bucket, &other, &at.to_string()).await;
    }
    let first = fixture.exclude(&fixture.bucket, &["b0", "b1", "b2"]).await;
    let other = fixture.exclude(&other, &["b3", "b4", "b5"]).await;
    fixture.move_misplaced(&first).await;
    fixture.move_misplaced(&other).await;
    // What could not be done at once is tried again after some seconds, or as soon as somebody asks.
    for backend in fixture.objects.committee().backends() {
        fixture.metadata.enqueue_repairs_of_backend(&backend.id).await.expect("a database");
    }
    while fixture.objects.repair().await.expect("repaired") > 0 {}
    for at in ["0", "1"] {
        let (here, there) = (fixture.lies_on(&first, at).await, fixture.lies_on(&other, at).await);
        assert!(is_within(&here, &["b3", "b4", "b5"]) && is_within(&there, &["b0", "b1", "b2"]), "{here:?} {there:?}");
        assert_ne!(fixture.version_in(&first, at).await.extents, fixture.version_in(&other, at).await.extents);
    }
    while fixture.discard().await > 0 {}
    fixture.collect().await;
    assert!(fixture.check().await.clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compaction_does_not_mix_rules() {
    let fixture = Fixture::new("rs-2-1", 6).await;
    let ruled = fixture.bucket_without("ruled", &["b0", "b1", "b2"]).await;
    let body = content(20_000);
    for number in 0..12 {
        let key = number.to_string();
        tokio::join!(fixture.put_into(&ruled, &key, &body), fixture.put_into(&fixture.bucket, &key, &body));
    }
    for number in (0..12).filter(|number| number % 4 != 0) {
        fixture.delete(&number.to_string()).await.expect("deleted");
    }
    fixture.collect().await;
    for number in 0..12 {
        assert!(is_within(&fixture.lies_on(&ruled, &number.to_string()).await, &["b3", "b4", "b5"]));
    }
    assert!(fixture.check().await.clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moves_is_read_where_it_is_and_rebuilt_from_others_only_when_that_fails() {
    let fixture = Fixture::new("rs-4-2", 8).await;
    let body = content(3 << 20);
    fixture.put("key", &body).await.expect("written");
    let holds = fixture.lies_on(&fixture.bucket, "key").await;
    let names: Vec<&str> = holds.iter().map(String::as_str).take(2).collect();
    let faults = |name: &str| &fixture.faults[name[1..].parse::<usize>().expect("a number")];
    // Nobody else who has a sliver of it can be read: it cannot be rebuilt.
    for other in holds.iter().filter(|name| *name != names[0]) {
        faults(other).set(&[Operation::Read], Fault::Down, When::Always);
    }
    let bucket = fixture.exclude(&fixture.bucket, &names[..1]).await;
    fixture.move_misplaced(&bucket).await;
    let now = fixture.lies_on(&bucket, "key").await;
    assert!(now.len() == 6 && !now.contains(names[0]), "{now:?}");
    fixture.faults.iter().for_each(backends::Faults::clear);
    // What is there is not what it should be: copied it would be wrong for good.
    faults(names[1]).set(&[Operation::Read], Fault::Flipped, When::Always);
    let bucket = fixture.exclude(&bucket, &names).await;
    // What was moved before has its time first.
    wait_until("it is rebuilt elsewhere", async || {
        fixture.move_misplaced(&bucket).await;
        (!fixture.lies_on(&bucket, "key").await.contains(names[1])).then_some(())
    })
    .await;
    assert_eq!(fixture.lies_on(&bucket, "key").await.len(), 6);
    fixture.faults.iter().for_each(backends::Faults::clear);
    assert!(fixture.get("key").await.expect("read") == body);
    let report = fixture.check().await;
    assert_eq!((report.degraded_blobs, report.unreadable_blobs), (0, 0), "{report:?}");
}
