//! Price floors: registered once, for an epoch to come, and published with the epochs in which they hold.

use std::collections::BTreeMap;

use backends::node::protocol::{SignedPriceFloor, SigningKey};
use codec::ClusterId;

use super::charged_epochs::{PRICES, begin, end, epoch, keys, now, paying_bucket, register, settle};
use crate::domain::money::epoch::Epoch;
use crate::metadata::engine::statement::Statement;
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::tests::ledger_log::verified_with;
use crate::metadata::{RegisteredFloor, Registration, VotingMoment};
use crate::publication::publish;
use crate::settlement;

fn node(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// A floor of the node with this key.
fn signed(seed: u8, epoch: u64, storage: u64) -> SignedPriceFloor {
    SignedPriceFloor::sign(ClusterId([5; 16]), &node(seed), epoch, storage, 0)
}

async fn floor(f: &Fixture, provider: &str, floor: SignedPriceFloor) -> RegisteredFloor {
    f.store.register_price_floor(provider, floor, now(f).await.1).await.unwrap()
}

/// b1 is a node with the key of seed 1, b2 a backend of the operator.
async fn registered(f: &Fixture) {
    paying_bucket(f).await;
    let registration = Registration {
        provider: "b1".to_owned(),
        owner: "b1".to_owned(),
        account: None,
        node_key: node(1).public().to_string(),
        commission_bp: 0,
        now: Epoch(1),
        commission_from: Epoch(3),
    };
    f.store.register_provider(registration).await.unwrap();
    register(f, "b2", 0).await;
}

async fn in_force(f: &Fixture, epoch: u64) -> BTreeMap<String, u64> {
    let rows = f.store.price_floors_in(Epoch(epoch)).await.unwrap();
    rows.into_iter().map(|row| (row.provider, row.floor.storage)).collect()
}

both! {
    async fn a_floor_holds_from_its_epoch_until_the_next_one_does(f: &Fixture) {
        registered(f).await;
        assert!(matches!(floor(f, "b1", signed(1, 2, 30)).await, RegisteredFloor::New(_)));
        assert!(matches!(floor(f, "b1", signed(1, 2, 30)).await, RegisteredFloor::Known(_)));
        assert!(matches!(floor(f, "b1", signed(1, 4, 20)).await, RegisteredFloor::New(_)));
        assert_eq!(in_force(f, 1).await, BTreeMap::new(), "what was announced does not hold yet");
        let of_b1 = |storage| BTreeMap::from([("b1".to_owned(), storage)]);
        assert_eq!((in_force(f, 2).await, in_force(f, 3).await), (of_b1(30), of_b1(30)));
        assert_eq!((in_force(f, 4).await, in_force(f, 99).await), (of_b1(20), of_b1(20)));
        let history = f.store.price_floors(None, 10).await.unwrap();
        let shown: Vec<_> = history.iter().map(|row| (row.floor.epoch, row.registered_in.0)).collect();
        assert_eq!(shown, [(4, 1), (2, 1)], "all are kept, the newest first");
        assert!(f.store.price_floors(Some(Epoch(2)), 10).await.unwrap().is_empty());
    }

    async fn what_was_signed_before_or_by_another_is_refused(f: &Fixture) {
        registered(f).await;
        assert_eq!(floor(f, "b3", signed(1, 2, 30)).await, RegisteredFloor::NotRegistered);
        assert_eq!(floor(f, "b1", signed(2, 2, 30)).await, RegisteredFloor::OtherKey);
        assert_eq!(floor(f, "b2", signed(2, 2, 30)).await, RegisteredFloor::OtherKey, "a backend has no key");
        assert_eq!(floor(f, "b1", signed(1, 1, 30)).await, RegisteredFloor::Begun);
        assert!(matches!(floor(f, "b1", signed(1, 3, 30)).await, RegisteredFloor::New(_)));
        assert!(matches!(floor(f, "b1", signed(1, 3, 31)).await, RegisteredFloor::NotLater(_)), "one for an epoch");
        assert!(matches!(floor(f, "b1", signed(1, 2, 31)).await, RegisteredFloor::NotLater(_)));
        let stale = VotingMoment { epoch: Epoch(7), is_over: false };
        let late = f.store.register_price_floor("b1", signed(1, 9, 1), stale).await.unwrap();
        assert_eq!(late, RegisteredFloor::Late);
        // A line that was kept back is of no use once its epoch has begun, or is about to.
        let kept_back = signed(1, 4, 1);
        for _ in 0..2 {
            end(f).await;
            begin(f).await;
            settle(f).await;
        }
        end(f).await;
        assert_eq!(floor(f, "b1", kept_back).await, RegisteredFloor::Begun, "epoch 3 is over");
        assert!(matches!(floor(f, "b1", signed(1, 3, 30)).await, RegisteredFloor::Known(_)), "the same changes nothing");
    }

    async fn rows_of_floors_never_change(f: &Fixture) {
        registered(f).await;
        floor(f, "b1", signed(1, 3, 30)).await;
        let again = "INSERT INTO price_floor SELECT provider, 2, 0, 0, statement, 1, registered_at FROM price_floor";
        for text in ["UPDATE price_floor SET storage_price = 0", "DELETE FROM price_floor", again] {
            let mut session = f.store.database().plain_writer().await;
            assert!(session.execute(Statement::new(text)).await.is_err(), "{text}");
        }
    }

    async fn settlements_publish_the_floors_of_their_epoch(f: &Fixture) {
        registered(f).await;
        let signed = signed(1, 2, PRICES.storage.0 + 1);
        assert!(matches!(floor(f, "b1", signed).await, RegisteredFloor::New(_)));
        end(f).await;
        assert!(settle(f).await.floors.is_empty(), "not before its epoch");
        let inputs = epoch(f).await;
        assert_eq!(inputs.floors.iter().map(|facts| (&*facts.provider, facts.floor)).collect::<Vec<_>>(), [("b1", signed)]);
        let planned = settlement::plan(&inputs).unwrap();
        assert!(!planned.floors[0].is_met, "its price is a FROST below");
        let keys = keys(f).await;
        while let Some(settled) = f.store.settlement_to_publish().await.unwrap() {
            publish(&f.store, &keys, &settled).await.unwrap();
        }
        let report = verified_with(&f.store, &keys, &settlement::planned_epoch).await;
        assert!(report.is_good(), "{report}");
    }
}
