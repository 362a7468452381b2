//! Slivers that are moved while somebody looks for them.

use backends::{Fault, Operation, SliverName, When};
use codec::BlobId;

use crate::audit::{How, Scrub, check};
use crate::domain::{BackendId, Placement};
use crate::metadata::{SliverLocation, SliverMove};
use crate::objects::tests::fixture::{Fixture, content, object_key};

impl Fixture {
    /// Moves the first slivers of a blob, and deletes them where they were.
    async fn move_slivers(&self, id: BlobId, most: usize) {
        for (backend, name) in self.move_only(id, most).await {
            let old = &self.objects.committee().backend(&backend).expect("a member").store;
            old.delete(&name).await.expect("deleted");
        }
    }

    /// Moves the first slivers of a blob to backends that have none of it, as repair does. Answers where they were, and still are.
    pub(super) async fn move_only(&self, id: BlobId, most: usize) -> Vec<(BackendId, SliverName)> {
        let mut before = Vec::new();
        let blob = self.metadata.blob_of_rows(&id).await.expect("rows").expect("a blob");
        let taken = |backend: &BackendId| blob.placements.iter().any(|placement| placement.backend == *backend);
        let backends = self.objects.committee().backends();
        let free: Vec<_> = backends.iter().filter(|backend| !taken(&backend.id)).collect();
        for (from, backend) in blob.placements.iter().zip(free).take(most) {
            let name = |placement: &Placement| SliverName { blob: id, index: from.index, attempt: placement.attempt };
            let to = Placement { backend: backend.id.clone(), attempt: from.attempt.wrapping_add(1), ..from.clone() };
            let place = SliverLocation { blob: id, index: to.index, attempt: to.attempt, backend: to.backend.clone() };
            let stamp = self.metadata.announce_slivers(self.incarnation, vec![place]).await.expect("announced");
            let old = &self.objects.committee().backend(&from.backend).expect("a member").store;
            let bytes = old.read(&name(from), 0..blob.layout.sliver_len()).await.expect("read");
            backend.store.put(&name(&to), vec![bytes.freeze()]).await.expect("put");
            let sliver = SliverMove { blob: id, from: Some(from.clone()), to, stamp, discard: true, bytes: 1 };
            assert!(self.metadata.move_sliver(self.incarnation, sliver).await.expect("rows"), "moved");
            before.push((from.backend.clone(), name(from)));
        }
        before
    }

    /// The blob of an object, and the backend of its first sliver.
    pub(super) async fn first_sliver(&self, key: &str) -> (BlobId, usize) {
        let version = self.objects.current(&self.bucket, &object_key(key)).await.expect("rows").expect("a version");
        let id = version.extents[0].blob;
        let blob = self.metadata.blob_of_rows(&id).await.expect("rows").expect("a blob");
        let backends = self.objects.committee().backends();
        let at = backends.iter().position(|backend| backend.id == blob.placements[0].backend);
        (id, at.expect("a member"))
    }
}

/// Repair by another gateway moved as many slivers as a blob may not lose, and more; this one remembers where they were.
#[tokio::test(flavor = "multi_thread")]
async fn slivers_that_moved_meanwhile_are_read_where_they_are() {
    let fixture = Fixture::new("rs-4-2", 12).await;
    let body = content(3 << 20);
    fixture.put("key", &body).await.expect("stored");
    let gateway = fixture.another();
    let read = || fixture.get_range_through(&gateway, "key", 0..u64::MAX);
    assert!(read().await.expect("read") == body);
    let (id, _) = fixture.first_sliver("key").await;
    for _ in 0..2 {
        fixture.move_slivers(id, 4).await;
        assert!(read().await.expect("read") == body);
        assert!(read().await.expect("read") == body);
    }
    assert_eq!(fixture.metadata.findings().await.expect("findings"), [], "nothing is missing where the rows say it is");
}

/// A look at a sliver that hangs until the sliver is elsewhere: neither a check nor a scrub misses it.
#[tokio::test(flavor = "multi_thread")]
async fn slivers_that_move_while_they_are_looked_at_are_not_missing() {
    let fixture = Fixture::new("rs-4-2", 12).await;
    fixture.put("key", &content(3 << 20)).await.expect("stored");
    let stores = fixture.objects.committee().stores();
    for round in 0..2 {
        let (id, backend) = fixture.first_sliver("key").await;
        let faults = &fixture.faults[backend];
        let before = faults.injected();
        faults.set(&[Operation::Len], Fault::Hang, When::First(1));
        let (metadata, stores, cluster) = (fixture.metadata.clone(), stores.clone(), fixture.cluster);
        let look = tokio::spawn(async move {
            if round == 0 {
                let report =
                    check(&metadata, &stores, cluster, How { deep: true, repair: false }).await.expect("a database");
                assert!(report.clean(), "{report:?}");
            } else {
                let scrub = Scrub::new(metadata, cluster, stores);
                assert_eq!(scrub.go_on(None, u64::MAX).await.expect("a round").bad, 0);
            }
        });
        while faults.injected() == before {
            tokio::task::yield_now().await;
        }
        fixture.move_slivers(id, 1).await;
        faults.clear();
        look.await.expect("nothing is missing");
    }
}
