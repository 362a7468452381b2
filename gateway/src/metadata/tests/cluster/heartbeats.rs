//! Heartbeats and what they raise.

use crate::domain::{BackendFlag, BackendId, Heartbeat, HeartbeatVerdict, KeptHeartbeat, SeenBackend, SeenHeartbeat};
use crate::metadata::cluster::heartbeats::BackendSighting;
use crate::metadata::cluster::incarnations::IncarnationState;
use crate::metadata::tests::fixture::{Fixture, both};

fn b1() -> BackendId {
    "b1".parse().unwrap()
}

/// What the backend shows to somebody who has read `kept` before.
fn sighting(kept: Option<KeptHeartbeat>, shown: Option<Heartbeat>, nonce: u8) -> BackendSighting {
    let generation = shown.map_or(1, |shown| shown.generation);
    let heartbeat = shown.map_or(SeenHeartbeat::Absent, SeenHeartbeat::Authentic);
    let seen = SeenBackend { generation, heartbeat };
    BackendSighting { backend: b1(), kept, seen, nonce: [nonce; 16], period: 0 }
}

impl Fixture {
    async fn kept(&self) -> Option<KeptHeartbeat> {
        self.store.heartbeats().await.unwrap().get(&b1()).copied()
    }

    /// One round: what was found, and what is to be written.
    async fn round(&self, shown: Option<Heartbeat>, nonce: u8) -> (Option<HeartbeatVerdict>, Option<Heartbeat>) {
        let sightings = vec![sighting(self.kept().await, shown, nonce)];
        let done = self.store.note_sightings(Some(self.incarnation), sightings).await.unwrap().remove(0);
        (done.verdict, done.write)
    }

    async fn flag(&self) -> Option<BackendFlag> {
        self.store.flagged_backends().await.unwrap().first().map(|flagged| flagged.flag)
    }
}

both! {
    async fn a_heartbeat_is_adopted_once_and_goes_on_when_it_was_read_back(f: &Fixture) {
        let (verdict, first) = f.round(None, 1).await;
        assert_eq!(verdict, Some(HeartbeatVerdict::Unknown));
        let first = first.unwrap();
        assert_eq!((first.generation, first.counter, first.incarnation), (1, 1, f.incarnation));
        // It did not arrive: the very same is written again.
        assert_eq!(f.round(None, 2).await, (Some(HeartbeatVerdict::OneBehind), Some(first)));
        let (verdict, second) = f.round(Some(first), 3).await;
        assert_eq!(verdict, Some(HeartbeatVerdict::InStep));
        let second = second.unwrap();
        assert_eq!((second.counter, second.nonce), (2, [3; 16]));
        assert_eq!(f.round(Some(first), 4).await, (Some(HeartbeatVerdict::OneBehind), Some(second)));
        let third = f.round(Some(second), 5).await.1.unwrap();
        assert_eq!(f.flag().await, None);
        // Once adopted it is expected, and while it is flagged it does not go on.
        let (verdict, write) = f.round(None, 6).await;
        assert!(matches!(verdict, Some(HeartbeatVerdict::Flag(BackendFlag::BackendBehind, _))) && write.is_none());
        assert_eq!(f.round(Some(third), 7).await, (Some(HeartbeatVerdict::InStep), None));
        assert_eq!(f.flag().await, Some(BackendFlag::BackendBehind));
    }

    async fn a_sighting_of_what_another_gateway_has_changed_meanwhile_says_nothing(f: &Fixture) {
        let first = f.round(None, 1).await.1.unwrap();
        let stale = sighting(f.kept().await, Some(first), 9);
        let second = f.round(Some(first), 2).await.1.unwrap();
        f.round(Some(second), 3).await;
        let done = f.store.note_sightings(Some(f.incarnation), vec![stale]).await.unwrap().remove(0);
        assert_eq!((done.verdict, done.write, f.flag().await), (None, None, None));
    }

    async fn of_gateways_that_adopt_a_backend_at_once_one_does(f: &Fixture) {
        let other = f.other_gateway_or_self().await;
        let adopt = |number: u8| {
            let store = if number.is_multiple_of(2) { &f.store } else { &other };
            store.note_sightings(Some(f.incarnation), vec![sighting(None, None, number)])
        };
        let done = futures::future::join_all((0..8).map(adopt)).await;
        let written: Vec<_> = done.into_iter().filter_map(|done| done.unwrap().remove(0).write).collect();
        assert_eq!((written.len(), f.kept().await.map(|kept| kept.last)), (1, Some(written[0])));
    }

    async fn a_gateway_that_lives_gets_time_to_write_what_it_committed(f: &Fixture) {
        let first = f.round(None, 1).await.1.unwrap();
        let other = f.store.begin_incarnation("another gateway", 60).await.unwrap();
        let by_other = |shown| async move {
            let sightings = vec![sighting(f.kept().await, shown, 9)];
            f.store.note_sightings(Some(other), sightings).await.unwrap().remove(0)
        };
        // On SQLite nobody else can live.
        if !f.url.starts_with("sqlite:") {
            let done = by_other(None).await;
            assert_eq!((done.verdict, done.write), (Some(HeartbeatVerdict::OneBehind), None));
            let done = by_other(Some(first)).await;
            assert_eq!((done.verdict, done.write), (Some(HeartbeatVerdict::InStep), None));
            f.store.end_incarnation(f.incarnation).await.unwrap();
        }
        assert_eq!(by_other(None).await.write, Some(first), "of the dead nothing is awaited");
        assert_eq!(by_other(Some(first)).await.write.map(|next| (next.counter, next.incarnation)), Some((2, other)));
    }

    async fn an_old_database_is_flagged_until_it_is_confirmed(f: &Fixture) {
        f.round(None, 1).await;
        let later = Heartbeat { generation: 1, counter: 50, incarnation: 40, nonce: [7; 16], sequence: 1_000 };
        let (verdict, write) = f.round(Some(later), 2).await;
        assert!(matches!(verdict, Some(HeartbeatVerdict::Flag(BackendFlag::DatabaseBehind, _))) && write.is_none());
        // A lesser flag does not cover it.
        f.round(None, 3).await;
        assert_eq!(f.flag().await, Some(BackendFlag::DatabaseBehind));
        f.store.confirm_database(vec![(b1(), later, [8; 16])], 0, [0; 32]).await.unwrap();
        assert_eq!((f.flag().await, f.store.forgotten_incarnation().await.unwrap()), (None, 0), "founded by nobody here");
        let (verdict, write) = f.round(Some(later), 4).await;
        assert_eq!((verdict, write.map(|next| next.counter)), (Some(HeartbeatVerdict::OneBehind), Some(51)));
        assert_eq!(f.round(write, 5).await.0, Some(HeartbeatVerdict::InStep), "its own sequence counts from now on");
    }

    async fn a_generation_begins_above_all_that_is_known(f: &Fixture) {
        let first = f.round(None, 1).await.1.unwrap();
        let replaced = f.store.begin_generation(&b1(), 4, Some(first), [2; 16]).await.unwrap();
        assert_eq!((replaced.generation, replaced.counter), (5, 2));
        // Its marker still says the first.
        let (verdict, _) = f.round(Some(first), 3).await;
        assert!(matches!(verdict, Some(HeartbeatVerdict::Flag(BackendFlag::OldGeneration, _))), "{verdict:?}");
        f.store.unflag_backend(&b1()).await.unwrap();
        assert_eq!(f.round(Some(replaced), 4).await.0, Some(HeartbeatVerdict::InStep));
    }

    async fn incarnations_begin_above_what_backends_have_heard_of(f: &Fixture) {
        assert_eq!(f.store.begin_incarnation_above("gateway", 60, 40).await.unwrap(), 41);
        assert_eq!(f.store.begin_incarnation_above("gateway", 60, 7).await.unwrap(), 42);
        assert_eq!(f.store.begin_incarnation("gateway", 60).await.unwrap(), 43);
        let states = f.store.incarnation_states().await.unwrap();
        assert_eq!(states.last(), Some(&(43, IncarnationState::Live)));
    }
}
