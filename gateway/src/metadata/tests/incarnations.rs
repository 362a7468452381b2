//! Leases and fences.

use crate::metadata::cluster::incarnations::IncarnationState;
use crate::metadata::commit::Batch;
use crate::metadata::error::MetadataError;
use crate::metadata::tests::fixture::{Fixture, both};

both! {
    async fn the_dead_cannot_write(f: &Fixture) {
        assert_eq!(f.store.incarnation_states().await.unwrap(), [(1, IncarnationState::Live)]);
        f.store.renew_incarnation(1, 60).await.unwrap();
        assert_eq!(f.store.mark_expired_incarnations_dead().await.unwrap(), Vec::<u32>::new());
        f.store.renew_incarnation(1, -1).await.unwrap();
        f.put("key", 1).await;
        if f.url.starts_with("sqlite:") {
            // Its lock on the file fences it, and needs no clock.
            assert_eq!(f.store.mark_expired_incarnations_dead().await.unwrap(), Vec::<u32>::new());
            f.store.renew_incarnation(1, 60).await.unwrap();
            f.store.end_incarnation(1).await.unwrap();
        } else {
            assert_eq!(f.store.mark_expired_incarnations_dead().await.unwrap(), [1]);
        }
        assert_eq!(f.store.mark_expired_incarnations_dead().await.unwrap(), Vec::<u32>::new());
        assert!(matches!(f.commit(Batch::default()).await, Err(MetadataError::Fenced)));
        assert!(matches!(f.store.renew_incarnation(1, 60).await, Err(MetadataError::Fenced)));
        assert!(matches!(f.store.commit(7, Batch::default()).await, Err(MetadataError::Fenced)), "never begun");

        let second = f.store.begin_incarnation("gateway", 60).await.unwrap();
        assert_eq!(second, 2);
        f.store.commit(second, Batch::default()).await.unwrap();
        f.store.end_incarnation(second).await.unwrap();
        assert!(matches!(f.store.commit(second, Batch::default()).await, Err(MetadataError::Fenced)));
        assert_eq!(
            f.store.incarnation_states().await.unwrap(),
            [(1, IncarnationState::Dead), (2, IncarnationState::Dead)]
        );
    }

    async fn a_restarted_gateway_marks_only_its_own_predecessors_dead(f: &Fixture) {
        let other = f.store.begin_incarnation("another gateway", 60).await.unwrap();
        let again = f.store.begin_incarnation("gateway", 60).await.unwrap();
        f.store.mark_predecessors_dead("gateway", again).await.unwrap();
        f.store.renew_incarnation(again, 60).await.unwrap();
        assert!(matches!(f.store.renew_incarnation(f.incarnation, 60).await, Err(MetadataError::Fenced)));
        // On SQLite nobody else can live.
        if !f.url.starts_with("sqlite:") {
            f.store.renew_incarnation(other, 60).await.unwrap();
        }
        assert_eq!(f.store.mark_predecessors_dead("gateway", again).await.unwrap(), Vec::<u32>::new());
    }

    async fn incarnations_that_begin_at_once_get_numbers_of_their_own(f: &Fixture) {
        let other = f.other_gateway_or_self().await;
        let begun = (0..12).map(|i| if i % 2 == 0 { &f.store } else { &other }.begin_incarnation("gateway", 60));
        let mut numbers: Vec<_> = futures::future::join_all(begun).await.into_iter().map(Result::unwrap).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (2..14).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn alone_on_its_file_a_gateway_knows_that_earlier_ones_are_dead() {
    let f = Fixture::sqlite().await;
    let next = f.store.begin_incarnation("gateway", 60).await.unwrap();
    assert_eq!(
        f.store.incarnation_states().await.unwrap(),
        [(f.incarnation, IncarnationState::Dead), (next, IncarnationState::Live)]
    );
}
