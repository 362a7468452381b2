//! Settlements: what buckets pay is paid out once, what is published verifies, and money that moves meanwhile spoils nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use codec::{ClusterId, ClusterKey};

use crate::clock::Ambient;
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::domain::money::price::Prices;
use crate::domain::money::transfer::{Transfer, TransferCode, TransferId};
use crate::ledger::Entry;
use crate::ledger::log::verify::PlannedEpoch;
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::tests::ledger_log::verified_with;
use crate::metadata::{ChargeStep, EpochState, EpochTerms, MetadataError, MetadataStore, Settlement, SettlementFacts};
use crate::publication::{LogKeys, Published, publish};
use crate::settlement::{self, Network, NetworkError, Settler};

const CLUSTER: ClusterId = ClusterId([5; 16]);

async fn keys(f: &Fixture) -> LogKeys {
    LogKeys::find(&f.store, CLUSTER, &ClusterKey::new(1, [6; 32]), &Ambient::system()).await.unwrap()
}

/// Begins an epoch, lets a bucket use something in it, and bills it.
async fn billed_epoch(f: &Fixture, name: &str) {
    let prices = Prices { storage: Frost(1_000_000_000_000), write: Frost(1_000_000), ..Prices::default() };
    let terms = EpochTerms { micros: 3_601_000_000, mode: MoneyMode::Track, prices, endowment: Frost(0), voting: None };
    f.store.begin_epoch_if_due(terms).await.unwrap();
    f.put(name, 1_000_000).await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let now = f.store.database().reader().await.unwrap().dialect().now();
    f.meddle(format!("UPDATE epoch SET ends_at = {now} WHERE number = (SELECT MAX(number) FROM epoch)")).await;
    while matches!(f.store.charge_some(10, 0).await.unwrap(), ChargeStep::Some(_)) {}
}

fn held() -> BTreeMap<crate::domain::BackendId, u64> {
    ["b1", "b2", "b3"].map(|name| (name.parse().unwrap(), 1 << 30)).into()
}

async fn balance(f: &Fixture, account: LedgerAccount) -> u64 {
    f.store.balance(Book::Track, &account).await.unwrap().free().0
}

/// A network that does what it is asked for and then says nothing.
#[derive(Debug)]
struct Mute(MetadataStore);

#[async_trait]
impl Network for Mute {
    async fn facts(&self) -> Result<Option<SettlementFacts>, NetworkError> {
        self.0.facts().await
    }

    async fn apply(&self, settlement: Settlement) -> Result<bool, NetworkError> {
        self.0.apply(settlement).await?;
        Err(MetadataError::Unavailable("the reply is lost".to_owned()).into())
    }
}

both! {
    async fn providers_earn_what_buckets_pay_and_anybody_can_check_it(f: &Fixture) {
        let keys = keys(f).await;
        let settler = Settler::new(f.store.clone(), keys.salter.clone());
        for epoch in 1..=3 {
            billed_epoch(f, &format!("object {epoch}")).await;
            assert_eq!(settler.settle(&held()).await.unwrap(), Some(Epoch(epoch)));
            assert_eq!(settler.settle(&held()).await.unwrap(), None, "once");
            let settled = f.store.settlement_to_publish().await.unwrap().unwrap();
            assert!(matches!(publish(&f.store, &keys, &settled).await.unwrap(), Published::Now(_)));
            assert_eq!(f.store.settlement_to_publish().await.unwrap(), None);
            let state = f.store.money_epoch_numbered(Epoch(epoch)).await.unwrap().unwrap().state;
            assert_eq!(state, EpochState::Settled);
            assert_eq!(balance(f, LedgerAccount::Escrow(Epoch(epoch))).await, 0, "all of it is paid out");
        }
        let paid = f.one_int("SELECT CAST(SUM(storage + write) AS BIGINT) FROM bill").await;
        let owner = f.store.balance(Book::Track, &LedgerAccount::Payer(f.owner.account_number())).await.unwrap();
        assert_eq!(owner.debits_posted.0, paid.unsigned_abs());
        let mut earned = Vec::new();
        for name in ["b1", "b2", "b3"] {
            let name = name.to_owned();
            let provider = balance(f, LedgerAccount::Provider(name.clone())).await;
            earned.push(provider + balance(f, LedgerAccount::Holdback(name)).await);
        }
        assert!(earned[0] > 0 && earned.iter().all(|amount| amount.abs_diff(earned[0]) <= 10), "{earned:?}");
        assert!(earned.iter().sum::<u64>() < owner.debits_posted.0, "never more than was collected");
        let report = verified_with(&f.store, &keys, &settlement::planned_epoch).await;
        assert!(report.is_good() && report.transfers > 20, "{report}");
        let nothing = |_: &[u8]| Ok(PlannedEpoch::default());
        assert!(!verified_with(&f.store, &keys, &nothing).await.is_good(), "the plan is compared");
    }

    async fn a_network_whose_replies_are_lost_is_asked_again_and_settles_once(f: &Fixture) {
        let keys = keys(f).await;
        let settler = Settler::new(f.store.clone(), keys.salter.clone()).over(Arc::new(Mute(f.store.clone())));
        for epoch in 1..=2 {
            billed_epoch(f, &format!("object {epoch}")).await;
            assert!(settler.settle(&held()).await.is_err(), "nobody knows");
            assert_eq!(settler.settle(&held()).await.unwrap(), None, "it was settled");
            let text = format!("SELECT CAST(SUM(storage + write) AS BIGINT) FROM bill WHERE epoch = {epoch}");
            let bills = f.one_int(text).await.unsigned_abs();
            let escrow = f.store.balance(Book::Track, &LedgerAccount::Escrow(Epoch(epoch))).await.unwrap();
            assert!(escrow.credits_posted.0 >= bills && escrow.free() == Frost(0), "{escrow:?}");
        }
        let sums = "SELECT CAST(SUM(debits_posted - credits_posted) AS BIGINT) FROM ledger_account";
        assert_eq!(f.one_int(sums).await, 0);
    }

    async fn a_settlement_waits_for_money_that_moves_and_is_applied_once(f: &Fixture) {
        let keys = keys(f).await;
        let settler = Settler::new(f.store.clone(), keys.salter.clone());
        billed_epoch(f, "one").await;
        let planned = settler.plan_next(&held()).await.unwrap().unwrap();
        let again = settler.plan_next(&held()).await.unwrap().unwrap();
        assert_eq!((&planned.inputs, &planned.plan), (&again.inputs, &again.plan), "planning changes nothing");
        let credit = Transfer {
            id: TransferId([9; 16]),
            book: Book::Track,
            debit: LedgerAccount::Outside,
            credit: LedgerAccount::Payer("somebody".to_owned()),
            amount: Frost(5),
            code: TransferCode::Credit,
            epoch: Epoch(1),
            cause: "meanwhile".to_owned(),
        };
        f.store.post(vec![Entry::posted(credit)]).await.unwrap();
        assert!(!f.store.settle(planned.settlement()).await.unwrap(), "its facts are old");
        let other = f.other_gateway_or_self().await;
        let mut tasks = tokio::task::JoinSet::new();
        for store in [f.store.clone(), other.clone(), f.store.clone(), other] {
            let settler = Settler::new(store, keys.salter.clone());
            tasks.spawn(async move { while settler.settle(&held()).await.unwrap().is_some() {} });
        }
        tasks.join_all().await;
        assert_eq!(f.one_int("SELECT COUNT(*) FROM settlement").await, 1);
        assert!(!f.store.settle(again.settlement()).await.unwrap(), "nor another time");
        let sums = "SELECT CAST(SUM(debits_posted - credits_posted) AS BIGINT) FROM ledger_account";
        assert_eq!(f.one_int(sums).await, 0);
        let bills = f.one_int("SELECT CAST(SUM(storage + write) AS BIGINT) FROM bill").await.unsigned_abs();
        let escrow = f.store.balance(Book::Track, &LedgerAccount::Escrow(Epoch(1))).await.unwrap();
        assert_eq!(escrow.credits_posted.0, bills, "each charge once");
    }
}
