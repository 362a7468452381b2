//! Backends that are being drained.

use crate::domain::BackendId;
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::tests::repairs::{FIVE_LEFT, WHOLE};

fn backend(number: u8) -> BackendId {
    format!("b{number}").parse().expect("a name")
}

/// Two blobs over six backends, whose rows are there.
async fn two_blobs(f: &Fixture) {
    f.put("one", 10).await;
    f.put("two", 20).await;
    f.meddle(
        "INSERT INTO backend (name, url, provider, zone, formatted, created_at) \
         SELECT DISTINCT backend, '', '', '', TRUE, 0 FROM sliver",
    )
    .await;
}

/// The walk over what lies on leaving backends: how many jobs it wrote.
async fn walk(f: &Fixture) -> u64 {
    let (mut enqueued, mut place) = (0, None);
    loop {
        let page = f.store.enqueue_leaving(place).await.unwrap();
        enqueued += page.enqueued;
        place = page.next;
        if place.is_none() {
            return enqueued;
        }
    }
}

both! {
    async fn a_drain_is_begun_once_and_can_be_cancelled(f: &Fixture) {
        two_blobs(f).await;
        assert!(!f.store.begin_drain(&backend(9)).await.unwrap(), "nobody has that name");
        assert!(!f.store.cancel_drain(&backend(2)).await.unwrap(), "it is not being drained");
        assert!(f.store.begin_drain(&backend(2)).await.unwrap());
        let start = f.store.draining_backends().await.unwrap()[&backend(2)];
        assert_eq!(start.slivers, 2);
        f.put("three", 30).await;
        assert!(f.store.begin_drain(&backend(2)).await.unwrap(), "it goes on");
        assert_eq!(f.store.draining_backends().await.unwrap()[&backend(2)], start, "and does not begin again");
        assert_eq!(f.store.slivers_on(&backend(2)).await.unwrap(), 3);
        assert!(f.store.cancel_drain(&backend(2)).await.unwrap());
        assert_eq!(f.store.draining_backends().await.unwrap().len(), 0);
        f.store.begin_drain(&backend(3)).await.unwrap();
        f.store.set_backend_removed(&backend(3), true).await.unwrap();
        assert_eq!(f.store.draining_backends().await.unwrap().len(), 0, "one that left needs no drain");
        f.store.set_backend_removed(&backend(3), false).await.unwrap();
        assert_eq!(f.store.draining_backends().await.unwrap().len(), 0, "nor does it begin again when it comes back");
    }

    async fn the_walk_meets_every_backend_that_leaves(f: &Fixture) {
        two_blobs(f).await;
        assert_eq!(walk(f).await, 0, "nobody leaves");
        f.store.begin_drain(&backend(2)).await.unwrap();
        assert_eq!(walk(f).await, 2);
        f.meddle("DELETE FROM job").await;
        f.store.set_backend_removed(&backend(0), true).await.unwrap();
        f.store.begin_drain(&backend(5)).await.unwrap();
        assert_eq!(walk(f).await, 2, "each blob once");
        assert_eq!(f.one_int(format!("SELECT COUNT(*) FROM job WHERE urgency = {FIVE_LEFT}")).await, 2, "what was removed does not count");
    }

    async fn its_blobs_are_asked_for_behind_all_that_are_endangered(f: &Fixture) {
        two_blobs(f).await;
        f.store.begin_drain(&backend(2)).await.unwrap();
        assert_eq!(f.store.enqueue_moves_off(&backend(2)).await.unwrap(), 2);
        assert_eq!(f.one_int(format!("SELECT COUNT(*) FROM job WHERE urgency = {WHOLE}")).await, 2, "all six slivers count");
        assert_eq!(walk(f).await, 0, "nothing came since");
        f.put("three", 30).await;
        assert_eq!(walk(f).await, 1);
        f.meddle("UPDATE job SET urgency = 0").await;
        f.store.enqueue_moves_off(&backend(2)).await.unwrap();
        assert_eq!(f.one_int("SELECT COUNT(*) FROM job WHERE urgency = 0").await, 3, "what was more urgent stays it");
    }

    async fn its_blobs_are_paged(f: &Fixture) {
        two_blobs(f).await;
        f.put("three", 30).await;
        let first = f.store.blobs_on(&backend(1), None, 2).await.unwrap();
        assert_eq!(first.iter().map(|blob| blob.placements.len()).collect::<Vec<_>>(), [6, 6]);
        let rest = f.store.blobs_on(&backend(1), Some(first[1].id), 2).await.unwrap();
        assert_eq!(rest.len(), 1);
        assert_eq!(f.store.blobs_on(&backend(1), Some(rest[0].id), 2).await.unwrap(), []);
        assert_eq!(f.store.blobs_on(&backend(9), None, 2).await.unwrap(), []);
    }
}
