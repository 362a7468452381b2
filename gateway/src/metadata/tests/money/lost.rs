//! What a settlement knows of losses, of what was rebuilt, of what was held when, and of a provider's own buckets.

use std::collections::BTreeMap;

use super::charged_epochs::{begin, end, judge_at, now, paying_bucket, settle};
use crate::domain::{Placement, Timestamp};
use crate::metadata::blobs::findings::Finding;
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::{HeldSample, Registration, SliverLocation, SliverMove};

fn sample(held_bytes: u64, trash_bytes: u64) -> HeldSample {
    HeldSample { taken_at: Timestamp(0), held_bytes, trash_bytes, free_bytes: Some(1 << 30) }
}

both! {
    async fn a_loss_is_not_paid_for_and_who_takes_over_is(f: &Fixture) {
        paying_bucket(f).await;
        let blob = f.put("lost", 1_000_000).await.extents[0].blob;
        let stored = f.store.blob(&blob).await.unwrap().unwrap();
        let bytes = stored.layout.sliver_len();
        let backend = |index: usize| stored.placements[index].backend.clone();
        for index in [1, 2] {
            let kind = "missing".to_owned();
            let finding = Finding { blob, index, backend: backend(usize::from(index)), kind };
            f.store.record_findings(vec![finding.clone(), finding]).await.unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        let from = stored.placements[1].clone();
        let to = Placement { backend: "b3".parse().unwrap(), attempt: 99, ..from.clone() };
        let location = SliverLocation { blob, index: 1, attempt: 99, backend: to.backend.clone() };
        let stamp = f.store.announce_slivers(f.incarnation, vec![location]).await.unwrap();
        let moved = SliverMove { blob, from: Some(from), to, stamp, discard: true, bytes };
        assert!(f.store.move_sliver(f.incarnation, moved).await.unwrap());
        end(f).await;
        let inputs = settle(f).await;
        let lost: Vec<_> = inputs.losses.iter().map(|loss| (&*loss.provider, loss.bytes)).collect();
        assert_eq!(lost, [("b1", bytes), ("b2", bytes)]);
        let until: Vec<_> = inputs.losses.iter().map(|loss| loss.until_micros == inputs.length_micros).collect();
        assert_eq!(until, [false, true], "one is repaired, the other lasts");
        let rebuilt: Vec<_> = inputs.providers.iter().map(|facts| facts.rebuilt_bytes).collect();
        assert_eq!(rebuilt, [0, 0, bytes]);
        begin(f).await;
        end(f).await;
        let inputs = settle(f).await;
        assert_eq!(inputs.losses.len(), 1, "the other one still lasts");
        assert!(inputs.providers.iter().all(|facts| facts.rebuilt_bytes == 0), "it is paid for once");
        assert_eq!(f.one_int("SELECT COUNT(*) FROM rebuilt_sliver").await, 0, "no later epoch needs it");
    }

    /// All of one look are of one moment, whose samples are the last ones together.
    async fn what_providers_hold_is_what_the_last_look_saw(f: &Fixture) {
        let look = |held: &[(&str, u64)]| held.iter().map(|(name, bytes)| ((*name).to_owned(), sample(*bytes, 0))).collect();
        f.store.sample_held(look(&[("b1", 10), ("b2", 20), ("b3", 30)])).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        f.store.sample_held(look(&[("b1", 11), ("b2", 5)])).await.unwrap();
        assert_eq!(f.one_int("SELECT COUNT(DISTINCT taken_at) FROM held_sample").await, 2);
        assert_eq!(f.store.provider_bytes().await.unwrap(), [("b1".to_owned(), 11), ("b2".to_owned(), 5)]);
    }

    async fn byte_time_follows_what_was_held_when(f: &Fixture) {
        paying_bucket(f).await;
        let one = |held, trash| BTreeMap::from([("b1".to_owned(), sample(held, trash))]);
        let pause = || tokio::time::sleep(std::time::Duration::from_millis(3));
        f.store.sample_held(one(1_500, 0)).await.unwrap();
        pause().await;
        f.store.sample_held(one(1_000, 700)).await.unwrap();
        end(f).await;
        pause().await;
        f.store.sample_held(one(1_000, 700)).await.unwrap();
        let begins_at = now(f).await.0.begins_at.0;
        f.meddle(format!("UPDATE held_sample SET taken_at = {} WHERE held_bytes = 1500", begins_at - 1)).await;
        let first = "(SELECT MIN(taken_at) FROM held_sample WHERE held_bytes = 1000)";
        f.meddle(format!("UPDATE held_sample SET taken_at = {begins_at} WHERE taken_at = {first}")).await;
        let inputs = settle(f).await;
        let north = inputs.providers.iter().find(|facts| facts.provider == "b1").unwrap();
        assert_eq!(north.byte_micros, 1_000 * u128::from(inputs.length_micros), "all the time");
        assert_eq!(north.trash_byte_micros, 500 * u128::from(inputs.length_micros), "no more than went");
        let south = inputs.providers.iter().find(|facts| facts.provider == "b2").unwrap();
        assert_eq!(south.byte_micros, (1 << 29) * u128::from(inputs.length_micros), "nobody looked: half of it");
        assert!(f.store.last_sample_at().await.unwrap().is_some());
    }

    async fn audits_of_own_buckets_do_not_vet(f: &Fixture) {
        paying_bucket(f).await;
        let own = f.put("own", 1_000_000).await.extents[0].blob;
        let registration = Registration {
            provider: "b1".to_owned(),
            owner: "b1".to_owned(),
            account: Some(f.owner),
            node_key: String::new(),
            commission_bp: 0,
            now: now(f).await.0.number,
            commission_from: now(f).await.0.number,
        };
        f.store.register_provider(registration).await.unwrap();
        let at = f.store.money_epoch().await.unwrap().unwrap().1;
        for (backend, blob) in [("b1", own.0), ("b1", [9; 16]), ("b2", own.0), ("b3", own.0)] {
            judge_at(f, (backend, "passed", "{}"), blob, at).await;
        }
        end(f).await;
        let inputs = settle(f).await;
        let own: Vec<_> = inputs.providers.iter().map(|facts| (facts.verdicts.passed, facts.passed_own)).collect();
        assert_eq!(own, [(2, 1), (1, 0), (1, 0)]);
        assert_eq!(f.one_int("SELECT vetting FROM provider_account WHERE provider = 'b1'").await, 1);
    }

    async fn placement_goes_by_audits_that_count_over_enough_epochs(f: &Fixture) {
        paying_bucket(f).await;
        let own = f.put("own", 1_000_000).await.extents[0].blob;
        let now = now(f).await.0.number;
        let (provider, owner, node_key) = ("b1".to_owned(), "b1".to_owned(), String::new());
        let registration = Registration {
            provider,
            owner,
            account: Some(f.owner),
            node_key,
            commission_bp: 0,
            now,
            commission_from: now,
        };
        f.store.register_provider(registration).await.unwrap();
        let mut vetted = Vec::new();
        for epoch in 1..=2 {
            let at = f.store.money_epoch().await.unwrap().unwrap().1;
            for backend in ["b1", "b2"].repeat(60) {
                judge_at(f, (backend, "passed", "{}"), own.0, at).await;
            }
            end(f).await;
            settle(f).await;
            let vettings = f.store.provider_vettings().await.unwrap();
            vetted.push(["b1", "b2", "b3"].map(|name| vettings[name].is_vetted));
            assert_eq!(["b1", "b2"].map(|name| vettings[name].audits), [0, 60 * epoch], "own audits vet nobody");
            begin(f).await;
        }
        assert_eq!(vetted, [[false, false, false], [false, true, false]]);
    }
}
