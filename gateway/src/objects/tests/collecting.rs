//! What is deleted goes, what lives stays.

use backends::{Fault, Operation, When};

use crate::domain::{Extent, Version, VersionId};
use crate::metadata::{Batch, Change, PutChange};
use crate::objects::tests::fixture::{Fixture, content, object_key};

#[tokio::test(flavor = "multi_thread")]
async fn deleted_and_replaced_objects_leave_nothing_behind() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    for _ in 0..3 {
        fixture.put("replaced", &content(2 << 20)).await.expect("stored");
        fixture.put("small", &content(2_000)).await.expect("stored");
    }
    assert!(fixture.delete("replaced").await.expect("deleted"));
    assert!(fixture.delete("small").await.expect("deleted"));
    assert!(!fixture.delete("small").await.expect("deleted"), "deleting again finds nothing");
    fixture.collect().await;
    assert_eq!(fixture.slivers().await, 0);
    assert!(fixture.check().await.clean());
}

impl Fixture {
    /// What all slivers take.
    fn bytes(&self) -> u64 {
        let files = (0..self.faults.len()).flat_map(|backend| self.files_of(backend));
        files.map(|path| std::fs::metadata(path).expect("a file").len()).sum()
    }

    /// Waits until so many slivers are left; deleting goes on after the answer.
    async fn slivers_come_to(&self, expected: usize) {
        for _ in 0..100 {
            if self.slivers().await == expected {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{} slivers are left", self.slivers().await);
    }
}

/// All begin before one of them is there, so the transaction refuses the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_the_commit_refuses_leaves_no_sliver() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let body = content(3 << 20);
    let puts = (0..4).map(|_| fixture.put_if("key", &body, crate::domain::WriteCondition::Absent));
    let stored = futures::future::join_all(puts).await;
    assert_eq!(stored.iter().filter(|stored| stored.is_ok()).count(), 1);
    fixture.slivers_come_to(6).await;
    assert!(fixture.get("key").await.expect("read") == body);
    assert!(fixture.check().await.clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_leaves_no_sliver() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    fixture.metadata.end_incarnation(fixture.incarnation).await.expect("ended");
    for (key, body) in [("small", content(5_000)), ("large", content(3 << 20))] {
        assert!(fixture.put(key, &body).await.is_err(), "it may not write any more");
    }
    fixture.slivers_come_to(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quilt_of_holes_is_compacted_and_its_survivors_stay() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let bodies: Vec<_> = (0..60).map(|at| content(1_000 + at)).collect();
    let keys: Vec<_> = (0..60).map(|at| format!("{at:02}")).collect();
    let puts = keys.iter().zip(&bodies).map(|(key, body)| fixture.put(key, body));
    futures::future::join_all(puts).await.into_iter().for_each(|stored| drop(stored.expect("stored")));
    for key in keys.iter().filter(|key| !key.ends_with('7')) {
        fixture.delete(key).await.expect("deleted");
    }
    let before = fixture.slivers().await;
    fixture.collect().await;
    let after = fixture.slivers().await;
    assert!(after <= before && after <= 3 * 6, "{before} slivers before, {after} after");
    for (key, body) in keys.iter().zip(&bodies).filter(|(key, _)| key.ends_with('7')) {
        assert!(fixture.get(key).await.expect("read") == *body, "{key}");
    }
    assert!(fixture.check().await.clean());
}

/// A copy of a small range keeps nothing but that range, once what it was copied from is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_blob_of_which_a_small_range_lives_is_compacted() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let (body, range) = (content(6 << 20), (1 << 20)..(1 << 20) + 70_000_usize);
    fixture.put("large", &body).await.expect("stored");
    let large = fixture.objects.current(&fixture.bucket, &object_key("large")).await.expect("read").expect("there");
    let extent = Extent { offset: range.start as u64, length: range.len() as u64, ..large.extents[0] };
    let range_of_it = Version {
        id: VersionId([7; 16]),
        key: object_key("small"),
        size: extent.length,
        extents: vec![extent],
        ..(*large).clone()
    };
    let put = PutChange {
        bucket: fixture.bucket.id,
        version: range_of_it,
        parts: Vec::new(),
        condition: crate::domain::WriteCondition::None,
        source: Some(large.id),
        events: Vec::new(),
    };
    let batch = Batch { blobs: Vec::new(), changes: vec![Change::Put(put)] };
    assert!(fixture.metadata.commit(fixture.incarnation, batch).await.expect("committed")[0].is_made());
    assert_eq!(fixture.objects.compact_large().await.expect("all of it lives"), 0);
    fixture.delete("large").await.expect("deleted");
    assert_eq!(fixture.objects.compact_large().await.expect("compacted"), 1);
    assert_eq!(fixture.objects.compact_large().await.expect("compacted"), 0, "there is no more to do");
    let before: u64 = fixture.bytes();
    fixture.collect().await;
    assert!(fixture.bytes() * 4 < before, "the large one is gone");
    assert!(fixture.get("small").await.expect("read") == body[range]);
    assert!(fixture.check().await.clean());
}

/// What was to be moved is deleted while it is read: nothing was achieved, and a worker that was answered otherwise would begin again at
/// once.
#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_that_moves_nothing_is_no_progress() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let keys: Vec<_> = (0..20).map(|at| format!("{at:02}")).collect();
    let body = content(4_000);
    let puts = keys.iter().map(|key| fixture.put(key, &body));
    futures::future::join_all(puts).await.into_iter().for_each(|stored| drop(stored.expect("stored")));
    for key in keys.iter().filter(|key| !key.ends_with('7')) {
        fixture.delete(key).await.expect("deleted");
    }
    fixture.faults.iter().for_each(|faults| faults.set(&[Operation::Read], Fault::Hang, When::Always));
    let compacting = tokio::spawn({
        let objects = fixture.objects.clone();
        async move { objects.compact().await }
    });
    while fixture.faults.iter().all(|faults| faults.injected() == 0) {
        tokio::task::yield_now().await;
    }
    for key in keys.iter().filter(|key| key.ends_with('7')) {
        fixture.delete(key).await.expect("deleted");
    }
    fixture.faults.iter().for_each(backends::Faults::clear);
    assert_eq!(compacting.await.expect("it ends").expect("compacted"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn slivers_of_the_living_are_not_orphans_and_those_of_the_dead_are() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    fixture.put("kept", &content(3_000)).await.expect("stored");
    let orphan =
        |incarnation| backends::SliverName { blob: codec::BlobId::new(incarnation, [5; 12]), index: 0, attempt: 1 };
    let store = &fixture.objects.committee().backends()[0].store;
    store.put(&orphan(fixture.incarnation), vec![content(10)]).await.expect("put");
    let report = fixture.collect_orphans().await;
    assert_eq!((report.collected, report.refused), (0, None), "its row may be about to be committed");

    fixture.metadata.end_incarnation(fixture.incarnation).await.expect("ended");
    fixture.metadata.begin_incarnation("test", 600).await.expect("begun");
    let report = fixture.collect_orphans().await;
    assert_eq!((report.collected, report.refused), (1, None));
    assert!(fixture.check().await.clean());

    store.put(&orphan(4_000_000), vec![content(10)]).await.expect("put");
    let report = fixture.collect_orphans().await;
    assert_eq!(report.collected, 0);
    assert!(report.refused.is_some(), "a database that is behind decides nothing");
}

/// Space is short: what is dead goes at once, but for what somebody still reads.
#[tokio::test(flavor = "multi_thread")]
async fn where_space_is_short_the_dead_go_when_nobody_reads_them() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    fixture.metadata.set_grace_seconds(3_600);
    let body = content(3 << 20);
    for key in ["read", "other", "kept"] {
        fixture.put(key, &body).await.expect("stored");
    }
    let ongoing = fixture.objects.begin_read();
    let reader = fixture.open("read", 0..3 << 20).await.expect("opened");
    for key in ["read", "other"] {
        fixture.delete(key).await.expect("deleted");
    }
    assert_eq!(fixture.reclaim().await, 0, "nothing is due");
    let backend = &fixture.objects.committee().backends()[0];
    backend.write_failed(&backends::StoreError::Full);
    assert_eq!(fixture.reclaim().await, 0, "it is read");
    assert_eq!(fixture.slivers().await, 18);
    let read: Vec<bytes::Bytes> = futures::TryStreamExt::try_collect(reader).await.expect("all of it is there");
    assert!(read.concat() == body);
    drop(ongoing);
    assert_eq!(fixture.reclaim().await, 2, "nobody reads them");
    assert_eq!(fixture.slivers().await, 6);

    // The look after that found space: what dies now has its grace.
    fixture.delete("kept").await.expect("deleted");
    assert_eq!(fixture.reclaim().await, 0, "nothing is due");
    assert!(fixture.check().await.clean());
}

/// A backend that is away holds up nothing but its own.
#[tokio::test(flavor = "multi_thread")]
async fn where_space_is_short_what_cannot_be_deleted_lets_others_pass() {
    let fixture = Fixture::new("rs-2-1", 4).await;
    fixture.metadata.set_grace_seconds(3_600);
    for key in (0..300).map(|at| at.to_string()) {
        fixture.put(&key, &content(10)).await.expect("stored");
        fixture.delete(&key).await.expect("deleted");
    }
    let kept = fixture.files_of(0).len();
    fixture.faults[0].set(&[Operation::Delete], Fault::Down, When::Always);
    let mut gone = 0;
    loop {
        fixture.objects.committee().backends()[1].write_failed(&backends::StoreError::Full);
        match fixture.reclaim().await {
            0 => break,
            some => gone += some,
        }
    }
    assert_eq!(gone, 300 - kept, "all that have nothing on the one that is away");
    fixture.faults[0].clear();
}

/// The first quilt cannot be read, now or ever: those behind it are compacted all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_quilt_that_cannot_be_read_lets_others_be_compacted() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let body = content(4_000);
    let keys: Vec<_> = (0..40).map(|at| format!("{at:02}")).collect();
    for some in keys.chunks(20) {
        let puts = some.iter().map(|key| fixture.put(key, &body));
        futures::future::join_all(puts).await.into_iter().for_each(|stored| drop(stored.expect("stored")));
    }
    for key in keys.iter().filter(|key| !key.ends_with('7')) {
        fixture.delete(key).await.expect("deleted");
    }
    let sparse = fixture.metadata.sparse_quilts(None, 10).await.expect("listed");
    assert!(sparse.len() > 1, "there are others behind the first");
    let first = sparse[0].blob.id;
    for path in fixture.files() {
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        if name.is_some_and(|name: backends::SliverName| name.blob == first && name.index > 2) {
            std::fs::remove_file(path).expect("removed");
        }
    }
    while fixture.objects.compact().await.expect("others are compacted") > 0 {}
    let left = fixture.metadata.sparse_quilts(None, 10).await.expect("listed");
    assert!(left.iter().any(|quilt| quilt.blob.id == first));
    assert!(left.iter().all(|quilt| sparse.iter().skip(1).all(|other| other.blob.id != quilt.blob.id)), "{left:?}");
}
