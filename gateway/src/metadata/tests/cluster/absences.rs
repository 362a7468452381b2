//! Backends that are away, and when they count as lost.

use codec::ClusterId;

use crate::domain::BackendId;
use crate::metadata::Cluster;
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::tests::repairs::FIVE_LEFT;

const WATCHED: i64 = 600;

fn backend(number: u8) -> BackendId {
    format!("b{number}").parse().expect("a name")
}

/// One blob over six backends, each of a provider of its own.
async fn one_blob(f: &Fixture) {
    f.put("one", 10).await;
    f.meddle(
        "INSERT INTO backend (name, url, provider, zone, formatted, created_at) \
         SELECT DISTINCT backend, '', '', '', TRUE, 0 FROM sliver",
    )
    .await;
    f.store.create_cluster(Cluster { id: ClusterId([7; 16]), key_id: 1, key_check: [0; 16] }).await.unwrap();
}

async fn away(f: &Fixture, numbers: &[u8]) {
    let away = numbers.iter().map(|number| backend(*number)).collect();
    assert_eq!(f.store.note_looks(away, Vec::new(), WATCHED).await.unwrap(), []);
}

/// Everything that was noted was noted so many seconds earlier.
async fn later(f: &Fixture, seconds: i64) {
    let micros = seconds * 1_000_000;
    f.meddle(format!("UPDATE backend SET away_since = away_since - {micros}, away_until = away_until - {micros}"))
        .await;
}

async fn lost(f: &Fixture) -> Vec<BackendId> {
    let absences = f.store.absences().await.unwrap();
    absences.into_iter().filter(|(_, absence)| absence.lost).map(|(backend, _)| backend).collect()
}

both! {
    async fn what_stays_away_for_a_day_is_lost_until_it_is_back(f: &Fixture) {
        one_blob(f).await;
        away(f, &[2]).await;
        for _ in 0..172 {
            assert_eq!(f.store.give_up_absent(2).await.unwrap(), [], "not yet");
            later(f, 500).await;
            away(f, &[2]).await;
        }
        later(f, 500).await;
        assert_eq!(f.store.give_up_absent(2).await.unwrap(), [backend(2)]);
        assert_eq!(f.store.give_up_absent(2).await.unwrap(), [], "it is already");
        assert_eq!(f.store.enqueue_leaving(None).await.unwrap().enqueued, 1);
        assert_eq!(f.one_int("SELECT urgency FROM job").await, FIVE_LEFT, "its sliver does not count");
        f.meddle("DELETE FROM job").await;
        let back = f.store.note_looks(Vec::new(), vec![backend(1), backend(2)], WATCHED).await.unwrap();
        assert_eq!(back, [backend(2)]);
        assert!(f.store.absences().await.unwrap().is_empty());
        assert_eq!(f.store.enqueue_leaving(None).await.unwrap().enqueued, 0);
    }

    async fn time_in_which_nobody_looked_does_not_count(f: &Fixture) {
        one_blob(f).await;
        f.store.set_lost_after_seconds(1_000).await.unwrap();
        away(f, &[2]).await;
        later(f, 500).await;
        away(f, &[2]).await;
        later(f, 90_000).await;
        assert_eq!(f.store.give_up_absent(2).await.unwrap(), [], "no gateway was running");
        away(f, &[2]).await;
        later(f, 500).await;
        assert_eq!(f.store.give_up_absent(2).await.unwrap(), [], "it is away since 500 seconds as far as is known");
        away(f, &[2]).await;
        later(f, 501).await;
        assert_eq!(f.store.give_up_absent(2).await.unwrap(), [backend(2)]);
    }

    async fn whoever_reaches_it_is_believed(f: &Fixture) {
        one_blob(f).await;
        f.store.set_lost_after_seconds(100).await.unwrap();
        for _ in 0..3 {
            away(f, &[2]).await;
            later(f, 99).await;
            f.store.note_looks(Vec::new(), vec![backend(2)], WATCHED).await.unwrap();
            assert_eq!(f.store.give_up_absent(2).await.unwrap(), []);
        }
    }

    /// Then it is this side that is cut off. What is lost already counts as long as it holds slivers.
    async fn never_more_than_a_blob_survives(f: &Fixture) {
        one_blob(f).await;
        f.store.set_lost_after_seconds(100).await.unwrap();
        away(f, &[1, 2, 3]).await;
        later(f, 200).await;
        assert_eq!(f.store.give_up_absent(2).await.unwrap(), []);
        f.store.note_looks(Vec::new(), vec![backend(1)], WATCHED).await.unwrap();
        assert_eq!(f.store.give_up_absent(2).await.unwrap(), [backend(2), backend(3)]);
        away(f, &[4]).await;
        later(f, 200).await;
        assert_eq!(f.store.give_up_absent(2).await.unwrap(), [], "four slivers are left of six");
        f.meddle("UPDATE sliver SET backend = 'b8' WHERE backend = 'b2'").await;
        assert_eq!(f.store.give_up_absent(2).await.unwrap(), [backend(4)], "one of the two is made good");
        assert_eq!(lost(f).await, [backend(2), backend(3), backend(4)]);
        f.store.note_looks(Vec::new(), vec![backend(2), backend(3), backend(4)], WATCHED).await.unwrap();
        // Two of one provider are one loss.
        f.meddle("UPDATE backend SET provider = 'p' WHERE name IN ('b0', 'b1')").await;
        away(f, &[0, 1, 2]).await;
        later(f, 200).await;
        assert_eq!(f.store.give_up_absent(2).await.unwrap(), [backend(0), backend(1), backend(2)]);
    }

    async fn nothing_is_given_up_where_that_is_not_wanted(f: &Fixture) {
        one_blob(f).await;
        assert_eq!(f.store.lost_after_seconds().await.unwrap(), 86_400);
        f.store.set_lost_after_seconds(0).await.unwrap();
        away(f, &[2]).await;
        later(f, 500).await;
        assert_eq!(f.store.give_up_absent(2).await.unwrap(), []);
        f.store.set_lost_after_seconds(u64::MAX).await.unwrap();
        assert_eq!(f.store.give_up_absent(2).await.unwrap(), []);
        f.store.set_lost_after_seconds(500).await.unwrap();
        f.store.set_backend_removed(&backend(2), true).await.unwrap();
        assert_eq!(f.store.give_up_absent(2).await.unwrap(), [], "it left the cluster");
        f.store.set_backend_removed(&backend(2), false).await.unwrap();
        assert!(f.store.absences().await.unwrap().is_empty(), "and begins anew");
    }
}
