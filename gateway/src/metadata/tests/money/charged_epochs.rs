//! Epochs in which money is charged, one after the other, for stories about stake and votes.

use std::collections::BTreeMap;

use codec::{ClusterId, ClusterKey};

use crate::clock::{Ambient, Entropy, SystemEntropy, random};
use crate::domain::Timestamp;
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::domain::money::price::Prices;
use crate::domain::money::transfer::{Transfer, TransferCode};
use crate::ledger::{Entry, Outcome, transfer_id};
use crate::metadata::engine::statement::Statement;
use crate::metadata::tests::fixture::Fixture;
use crate::metadata::{
    AddedStake, ChargeStep, EpochTerms, MoneyEpoch, NewStake, PoolRow, Registered, Registration, VotingMoment,
};
use crate::publication::LogKeys;
use crate::settlement::{EpochInputs, Settler, count_votes, parse};
use crate::staking::{StakeMoment, active_from};

/// Prices at which an epoch of some milliseconds costs something.
pub(super) const PRICES: Prices = Prices {
    storage: Frost(1_000_000_000_000),
    write: Frost(1_000_000),
    requests_read: Frost(0),
    requests_write: Frost(0),
    egress: Frost(0),
};

pub(super) const WAL: u64 = Frost::PER_WAL;

/// Begins the next epoch at the prices that votes decide.
pub(super) async fn begin(f: &Fixture) {
    let mut terms =
        EpochTerms { micros: 3_601_000_000, mode: MoneyMode::On, prices: PRICES, endowment: Frost(0), voting: None };
    if let Some((facts, _)) = f.store.voting_facts().await.unwrap() {
        let (prices, voting) = count_votes(&facts, &PRICES);
        terms = EpochTerms { prices, voting: Some(voting), ..terms };
    }
    assert!(!f.store.begin_epoch_if_due(terms).await.unwrap());
}

/// Begins the next epoch in a mode, at the configuration's prices.
pub(super) async fn begin_in(f: &Fixture, mode: MoneyMode) {
    let terms = EpochTerms { micros: 3_601_000_000, mode, prices: PRICES, endowment: Frost(0), voting: None };
    assert!(!f.store.begin_epoch_if_due(terms).await.unwrap());
}

/// The epoch that began last, and the moment.
pub(super) async fn now(f: &Fixture) -> (MoneyEpoch, VotingMoment) {
    let (epoch, now) = f.store.money_epoch().await.unwrap().unwrap();
    let moment = VotingMoment::of(&epoch, now.0);
    (epoch, moment)
}

/// Ends the epoch now and bills it.
pub(super) async fn end(f: &Fixture) {
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let now = f.store.database().reader().await.unwrap().dialect().now();
    f.meddle(format!("UPDATE epoch SET ends_at = {now} WHERE number = (SELECT MAX(number) FROM epoch)")).await;
    while matches!(f.store.charge_some(10, 0).await.unwrap(), ChargeStep::Some(_)) {}
}

/// What the log is signed and names are salted with.
pub(super) async fn keys(f: &Fixture) -> LogKeys {
    LogKeys::find(&f.store, ClusterId([5; 16]), &ClusterKey::new(1, [6; 32]), &Ambient::system()).await.unwrap()
}

pub(super) async fn settler(f: &Fixture) -> Settler {
    Settler::new(f.store.clone(), keys(f).await.salter)
}

/// Settles the epoch that is over, where b1, b2 and b3 hold as much; the inputs.
pub(super) async fn settle(f: &Fixture) -> EpochInputs {
    let settled = settler(f).await.settle(&held()).await.unwrap().unwrap();
    let text = "SELECT inputs FROM settlement WHERE epoch = $1";
    let statement = Statement::new(text).bind(i64::try_from(settled.0).unwrap());
    let row = f.store.database().row(statement).await.unwrap().unwrap();
    sums_are_zero(f).await;
    parse(row.bytes(0).unwrap()).unwrap()
}

/// A whole epoch.
pub(super) async fn epoch(f: &Fixture) -> EpochInputs {
    begin(f).await;
    end(f).await;
    settle(f).await
}

pub(super) fn held() -> BTreeMap<crate::domain::BackendId, u64> {
    ["b1", "b2", "b3"].map(|name| (name.parse().unwrap(), 1 << 30)).into()
}

/// The owner of the bucket can pay for it, and something is in it.
pub(super) async fn paying_bucket(f: &Fixture) {
    credit(f, LedgerAccount::Payer(f.owner.account_number()), "owner", 1_000_000_000_000_000_000).await;
    begin(f).await;
    f.put("content", 1_000_000).await;
}

pub(super) async fn credit(f: &Fixture, account: LedgerAccount, reference: &str, amount: u64) {
    let transfer = Transfer {
        id: transfer_id(&[b"reference", reference.as_bytes()]),
        book: Book::On,
        debit: LedgerAccount::Outside,
        credit: account,
        amount: Frost(amount),
        code: TransferCode::Credit,
        epoch: Epoch(0),
        cause: reference.to_owned(),
    };
    assert_eq!(f.store.post(vec![Entry::posted(transfer)]).await.unwrap(), [Outcome::Recorded]);
}

pub(super) async fn free(f: &Fixture, account: LedgerAccount) -> u64 {
    f.store.balance(Book::On, &account).await.unwrap().free().0
}

pub(super) async fn sums_are_zero(f: &Fixture) {
    let text = "SELECT CAST(COALESCE(SUM(debits_posted - credits_posted), 0) AS BIGINT) FROM ledger_account";
    assert_eq!(f.one_int(text).await, 0);
    // What pools have is in their accounts, with what is not active yet.
    let in_pools = "SELECT CAST(COALESCE(SUM(credits_posted - debits_posted), 0) AS BIGINT) FROM ledger_account \
                    WHERE name LIKE 'pool/%'";
    let in_rows = "SELECT CAST((SELECT COALESCE(SUM(wal), 0) FROM stake_pool) + \
                   (SELECT COALESCE(SUM(principal), 0) FROM stake WHERE state = 'arriving') AS BIGINT)";
    assert_eq!(f.one_int(in_pools).await, f.one_int(in_rows).await, "pools and their accounts");
}

/// Registers a provider with its owner's stake in view.
pub(super) async fn register(f: &Fixture, provider: &str, commission_bp: u64) -> Registered {
    let registration = Registration {
        provider: provider.to_owned(),
        owner: format!("{provider}-owner"),
        account: None,
        node_key: String::new(),
        commission_bp,
        now: now(f).await.0.number,
        commission_from: Epoch(now(f).await.0.number.0 + 2),
    };
    f.store.register_provider(registration).await.unwrap()
}

pub(super) async fn new_stake(f: &Fixture, staker: &str, provider: &str, amount: u64) -> NewStake {
    let at = now(f).await.1;
    NewStake {
        reference: format!("{staker} on {provider}"),
        staker: staker.to_owned(),
        provider: provider.to_owned(),
        amount: Frost(amount),
        at,
        active_from: active_from(StakeMoment { epoch: at.epoch, voting_ended: at.is_over }),
    }
}

/// Funds a staker and stakes all of it; the stake's name.
pub(super) async fn stake(f: &Fixture, staker: &str, provider: &str, amount: u64) -> String {
    let reference = format!("funds of {staker} for {provider}");
    credit(f, LedgerAccount::Staker(staker.to_owned()), &reference, amount).await;
    match f.store.add_stake(new_stake(f, staker, provider, amount).await).await.unwrap() {
        AddedStake::New(row) => row.id,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn pool(f: &Fixture, provider: &str) -> PoolRow {
    f.store.stake_pools().await.unwrap().get(provider).copied().unwrap_or_default()
}

/// Judges an audit in the epoch that is under way.
pub(super) async fn judge(f: &Fixture, backend: &str, verdict: &str, evidence: &str) {
    let id: [u8; 16] = random(&SystemEntropy as &dyn Entropy);
    let at = f.store.money_epoch().await.unwrap().unwrap().1;
    judge_at(f, (backend, verdict, evidence), id, at).await;
}

pub(super) async fn judge_at(f: &Fixture, judged: (&str, &str, &str), blob: [u8; 16], at: Timestamp) {
    let (backend, verdict, evidence) = judged;
    let id: [u8; 16] = random(&SystemEntropy as &dyn Entropy);
    let text = "INSERT INTO verdict (id, backend, epoch, blob_id, sliver_index, attempt, method, verdict, reason, evidence, \
                judged_at, is_reported, recheck) VALUES ($1, $2, 1, $3, 0, 0, 'challenge', $4, '', $5, $6, $7, '')";
    let statement = Statement::new(text).bind(id).bind(backend).bind(blob).bind(verdict).bind(evidence);
    let mut tx = f.store.database().begin(&random(&SystemEntropy as &dyn Entropy)).await.unwrap();
    tx.execute(statement.bind(at.0).bind(true)).await.unwrap();
    tx.command("COMMIT").await.unwrap();
}
