//! Epochs and charges.

use std::collections::BTreeMap;

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::domain::money::price::{MIB, Prices, charges};
use crate::domain::money::transfer::{Transfer, TransferCode};
use crate::ledger::log::Salter;
use crate::ledger::{Entry, Outcome, Shortfall, transfer_id};
use crate::metadata::buckets::bucket::DeleteBucket;
use crate::metadata::engine::statement::Statement;
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::{BillRow, ChargeStep, EpochState, EpochTerms, MetadataStore};
use crate::settlement::Settler;

const PRICES: Prices = Prices {
    storage: Frost(1_000_000_000_000),
    write: Frost(1_000_000),
    requests_read: Frost(0),
    requests_write: Frost(0),
    egress: Frost(0),
};

/// An hour and a second: such epochs begin at once and not with an hour.
const LENGTH: u64 = 3_601_000_000;

pub(super) fn terms(mode: MoneyMode) -> EpochTerms {
    EpochTerms { micros: LENGTH, mode, prices: PRICES, endowment: Frost(5_000), voting: None }
}

pub(super) async fn begin(f: &Fixture, mode: MoneyMode) {
    assert!(!f.store.begin_epoch_if_due(terms(mode)).await.unwrap(), "the next one is not due");
}

/// Ends the epoch now; the time.
pub(super) async fn end_epoch(f: &Fixture) -> i64 {
    let dialect = f.store.database().reader().await.unwrap().dialect();
    // SQLite's clock has milliseconds.
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    f.meddle(format!("UPDATE epoch SET ends_at = {} WHERE number = (SELECT MAX(number) FROM epoch)", dialect.now()))
        .await;
    f.one_int("SELECT MAX(ends_at) FROM epoch").await
}

/// Bills what is over and settles it; nobody holds anything, so all that is not set aside is left for the next epoch.
pub(super) async fn charge(f: &Fixture) {
    while matches!(f.store.charge_some(2, 0).await.unwrap(), ChargeStep::Some(_)) {}
    settle(&f.store).await;
}

pub(super) async fn settle(store: &MetadataStore) {
    let settler = Settler::new(store.clone(), Salter::new([7; 32]));
    while settler.settle(&BTreeMap::new()).await.unwrap().is_some() {}
}

async fn bill(f: &Fixture, epoch: u64) -> Option<BillRow> {
    let mut bills = f.store.bills_of("first-bucket", Some(Epoch(epoch)), 10).await.unwrap();
    assert!(bills.len() < 2);
    bills.pop()
}

pub(super) fn owner(f: &Fixture) -> LedgerAccount {
    LedgerAccount::Payer(f.owner.account_number())
}

pub(super) async fn credit(f: &Fixture, account: LedgerAccount, reference: &str, amount: u64) {
    let transfer = Transfer {
        id: transfer_id(&[b"reference", reference.as_bytes()]),
        book: Book::On,
        debit: LedgerAccount::Outside,
        credit: account,
        amount: Frost(amount),
        code: TransferCode::Credit,
        epoch: Epoch(1),
        cause: reference.to_owned(),
    };
    assert_eq!(f.store.post(vec![Entry::posted(transfer)]).await.unwrap(), [Outcome::Recorded]);
}

/// The sum of all books is nothing, pending and posted.
async fn balances(f: &Fixture) {
    let text = "SELECT CAST(SUM(debits_posted - credits_posted) AS BIGINT) FROM ledger_account";
    assert_eq!(f.one_int(text).await, 0);
    let text = "SELECT CAST(SUM(debits_pending - credits_pending) AS BIGINT) FROM ledger_account";
    assert_eq!(f.one_int(text).await, 0);
}

both! {
    async fn epochs_follow_each_other_without_gaps(f: &Fixture) {
        begin(f, MoneyMode::Track).await;
        let (first, now) = f.store.money_epoch().await.unwrap().unwrap();
        assert_eq!((first.number, first.micros(), first.state), (Epoch(1), LENGTH, EpochState::Open));
        assert!(first.begins_at <= now && now < first.ends_at);
        // Nobody was there for three epochs.
        let back = 3 * LENGTH + 1_000_000;
        f.meddle(format!("UPDATE epoch SET begins_at = begins_at - {back}, ends_at = ends_at - {back}")).await;
        let other = f.other_gateway_or_self().await;
        let dear = Prices { storage: Frost(9_000_000_000_000), ..PRICES };
        let wanted = || EpochTerms { prices: dear, ..terms(MoneyMode::On) };
        for store in [&f.store, &other].into_iter().cycle().take(10) {
            if !store.begin_epoch_if_due(wanted()).await.unwrap() {
                break;
            }
        }
        assert!(!other.begin_epoch_if_due(wanted()).await.unwrap());
        let mut epochs = f.store.money_epochs(10).await.unwrap();
        epochs.reverse();
        assert_eq!(epochs.iter().map(|epoch| epoch.number.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
        for pair in epochs.windows(2) {
            assert_eq!(pair[0].ends_at, pair[1].begins_at);
            assert_eq!(pair[1].prices.storage.0, pair[0].prices.storage.0 / 5 * 6, "a fifth more at most");
        }
        assert_eq!(epochs.iter().map(|epoch| epoch.is_caught_up).collect::<Vec<_>>(), [false, true, true, false]);
        assert_eq!((epochs[0].mode, epochs[1].mode), (MoneyMode::Track, MoneyMode::On), "an epoch keeps its mode");
    }

    async fn epochs_of_whole_hours_begin_with_an_hour(f: &Fixture) {
        let hourly = EpochTerms { micros: 7_200_000_000, ..terms(MoneyMode::Track) };
        f.store.begin_epoch_if_due(hourly).await.unwrap();
        let (epoch, now) = f.store.money_epoch().await.unwrap().unwrap();
        assert_eq!(epoch.begins_at.0 % 3_600_000_000, 0);
        assert!(now.0 - epoch.begins_at.0 < 3_600_000_000);
    }

    async fn the_root_account_is_endowed_once(f: &Fixture) {
        let made = f.store.add_user("root", &crate::domain::CanonicalId("b".repeat(64)), true).await.unwrap();
        let crate::metadata::AddUser::Added(root) = made else { panic!("{made:?}") };
        for _ in 0..3 {
            begin(f, MoneyMode::On).await;
            end_epoch(f).await;
        }
        let account = LedgerAccount::Payer(root.id.account_number());
        assert_eq!(f.store.balance(Book::On, &account).await.unwrap().free(), Frost(5_000));
        assert_eq!(f.store.balance(Book::Track, &account).await.unwrap().free(), Frost(0));
    }

    async fn a_bucket_pays_for_the_time_to_the_microsecond(f: &Fixture) {
        f.put("before the first epoch", 50_000).await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        begin(f, MoneyMode::Track).await;
        let begun = f.one_int("SELECT begins_at FROM epoch").await;
        let before = f.one_int("SELECT encoded_bytes FROM version").await;
        f.put("one", 1_000_000).await;
        let at = f.one_int("SELECT MAX(created_at) FROM blob").await;
        let encoded = f.one_int("SELECT MAX(encoded_bytes) FROM version").await;
        let end = end_epoch(f).await;
        charge(f).await;
        let first = bill(f, 1).await.unwrap();
        let wanted = i128::from(encoded) * i128::from(end - at) + i128::from(before) * i128::from(end - begun);
        assert_eq!(first.usage.byte_micros, wanted.unsigned_abs());
        assert_eq!(first.usage.written_bytes, encoded.unsigned_abs(), "what came before is not charged");
        let epoch = f.store.money_epoch_numbered(Epoch(1)).await.unwrap().unwrap();
        assert_eq!(epoch.state, EpochState::Settled);
        assert_eq!(first.charges, charges(&first.usage, &PRICES, epoch.micros()));
        assert_eq!((first.payer, first.unpaid), (owner(f), Frost(0)));
        let escrow = f.store.balance(Book::Track, &LedgerAccount::Escrow(Epoch(1))).await.unwrap();
        assert_eq!(escrow.credits_posted, first.charges.total());
        // The next epoch pays for what is there, and for no write.
        begin(f, MoneyMode::Track).await;
        let next_end = end_epoch(f).await;
        charge(f).await;
        let second = bill(f, 2).await.unwrap();
        assert_eq!(second.usage.byte_micros, (i128::from(before + encoded) * i128::from(next_end - end)).unsigned_abs());
        assert_eq!(second.usage.written_bytes, 0);
        assert_eq!(f.store.charge_some(2, 0).await.unwrap(), ChargeStep::Nothing);
        balances(f).await;
    }

    async fn a_deletion_stops_the_cost_and_a_bucket_that_is_gone_pays_to_the_end(f: &Fixture) {
        begin(f, MoneyMode::Track).await;
        f.put("one", 1_000_000).await;
        let at = f.one_int("SELECT MAX(created_at) FROM blob").await;
        let encoded = f.one_int("SELECT MAX(encoded_bytes) FROM version").await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        f.delete("one").await;
        let high = f.one_int("SELECT CAST(SUM(moment_high) AS BIGINT) FROM meter").await;
        let low = f.one_int("SELECT CAST(SUM(moment_low) AS BIGINT) FROM meter").await;
        let stayed = -((i128::from(high) << 32) + i128::from(low)) / i128::from(encoded);
        assert_eq!(f.store.delete_bucket(f.bucket, 0).await.unwrap(), DeleteBucket::Deleted);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        end_epoch(f).await;
        charge(f).await;
        let first = bill(f, 1).await.unwrap();
        assert_eq!(first.usage.byte_micros, (stayed * i128::from(encoded)).unsigned_abs());
        let end = f.one_int("SELECT ends_at FROM epoch").await;
        assert!((15_000..i128::from(end - at - 40_000)).contains(&stayed), "{stayed}: it stopped with the deletion");
        begin(f, MoneyMode::Track).await;
        // An hour later nothing can come any more.
        f.meddle("UPDATE epoch SET ends_at = ends_at + 1 WHERE number = 2").await;
        let later = "UPDATE epoch SET begins_at = begins_at - 7200000000, ends_at = begins_at WHERE number = 1";
        f.meddle(later).await;
        f.meddle("UPDATE meter SET hour = hour - 2").await;
        end_epoch(f).await;
        charge(f).await;
        assert_eq!(bill(f, 2).await, None);
        assert_eq!(f.one_int("SELECT COUNT(*) FROM bucket_funds").await, 0, "it owes nothing and is forgotten");
    }

    async fn what_commits_late_is_charged_once(f: &Fixture) {
        begin(f, MoneyMode::Track).await;
        f.put("one", 1_000_000).await;
        let encoded = f.one_int("SELECT encoded_bytes FROM version").await;
        // As if the transaction were not committed yet when its epoch is charged.
        f.meddle("UPDATE meter SET bucket_id = -1").await;
        let end = end_epoch(f).await;
        charge(f).await;
        assert_eq!(bill(f, 1).await, None);
        f.meddle(format!("UPDATE meter SET bucket_id = {}", f.bucket.0)).await;
        begin(f, MoneyMode::Track).await;
        let next = end_epoch(f).await;
        charge(f).await;
        let at = f.one_int("SELECT created_at FROM blob").await;
        let second = bill(f, 2).await.unwrap();
        assert!(at < end);
        assert_eq!(second.usage.byte_micros, (i128::from(encoded) * i128::from(next - at)).unsigned_abs());
        assert_eq!(second.usage.written_bytes, encoded.unsigned_abs());
    }

    async fn gateways_charge_each_bucket_once(f: &Fixture) {
        begin(f, MoneyMode::Track).await;
        f.put("one", 1_000_000).await;
        for number in 0..20 {
            let name = format!("bucket-{number}").parse().unwrap();
            f.store.create_bucket(crate::metadata::NewBucket::new(f.owner, name, "")).await.unwrap();
        }
        let usage = crate::domain::UsageDelta { requests_read: 1, ..Default::default() };
        for id in f.store.list_buckets(None, "", "", 100).await.unwrap() {
            f.store.add_usage(f.incarnation, crate::domain::UsageByBucket::from([(id.id, usage)])).await.unwrap();
        }
        end_epoch(f).await;
        let other = f.other_gateway_or_self().await;
        let mut tasks = tokio::task::JoinSet::new();
        for store in [f.store.clone(), other.clone(), f.store.clone(), other] {
            tasks.spawn(async move {
                while matches!(store.charge_some(3, 0).await.unwrap(), ChargeStep::Some(_)) {}
                settle(&store).await;
            });
        }
        tasks.join_all().await;
        assert_eq!(f.one_int("SELECT COUNT(*) FROM bill").await, 21);
        let charged = f.one_int("SELECT CAST(SUM(storage + write + requests + egress) AS BIGINT) FROM bill").await;
        let escrow = f.store.balance(Book::Track, &LedgerAccount::Escrow(Epoch(1))).await.unwrap();
        assert_eq!(escrow.credits_posted.0, charged.unsigned_abs());
        balances(f).await;
    }

    async fn who_has_too_little_owes_the_rest_and_may_not_write(f: &Fixture) {
        begin(f, MoneyMode::On).await;
        f.put("one", 10 * MIB).await;
        let (cost, _) = f.store.bucket_cost(f.bucket).await.unwrap().unwrap();
        let projected = cost.projected.total().0;
        assert!(projected > 10 * PRICES.storage.0 / 1_000, "{projected}");
        assert!(matches!(cost.funds.allow(Frost(0)), Err(Shortfall::Funds { missing }) if missing.0 == projected));
        credit(f, owner(f), "a little", 1_000).await;
        // Reserving takes what is there; the charge as well.
        f.store.reserve_some(i64::MIN, 100).await.unwrap();
        let balance = f.store.balance(Book::On, &owner(f)).await.unwrap();
        assert_eq!((balance.debits_pending, balance.free()), (Frost(1_000), Frost(0)));
        end_epoch(f).await;
        charge(f).await;
        let first = bill(f, 1).await.unwrap();
        let owed = first.charges.total().0 - 1_000;
        assert_eq!(first.unpaid, Frost(owed));
        let balance = f.store.balance(Book::On, &owner(f)).await.unwrap();
        assert_eq!((balance.debits_pending, balance.debits_posted), (Frost(0), Frost(1_000)));
        begin(f, MoneyMode::On).await;
        assert_eq!(f.store.charge_unpaid(10).await.unwrap(), 0, "there is nothing to take");
        credit(f, owner(f), "more", owed + 1).await;
        let left = || async { f.store.balance(Book::On, &LedgerAccount::Remainder).await.unwrap().credits_posted.0 };
        let before = left().await;
        assert_eq!(f.store.charge_unpaid(10).await.unwrap(), 1);
        assert_eq!(f.store.charge_unpaid(10).await.unwrap(), 0);
        assert_eq!(f.store.balance(Book::On, &owner(f)).await.unwrap().free(), Frost(1));
        assert_eq!(left().await - before, owed, "the next settlement distributes it");
        balances(f).await;
    }

    async fn holds_grow_with_the_cost_and_are_released_with_the_charge(f: &Fixture) {
        begin(f, MoneyMode::On).await;
        credit(f, owner(f), "plenty", 1 << 60).await;
        f.put("one", 10 * MIB).await;
        f.store.reserve_some(i64::MIN, 100).await.unwrap();
        let held = f.store.balance(Book::On, &owner(f)).await.unwrap().debits_pending;
        let (cost, _) = f.store.bucket_cost(f.bucket).await.unwrap().unwrap();
        assert!(cost.funds.hold == held && held >= cost.projected.total());
        f.store.reserve_some(i64::MIN, 100).await.unwrap();
        assert_eq!(f.store.balance(Book::On, &owner(f)).await.unwrap().debits_pending, held, "it is enough");
        f.put("two", 10 * MIB).await;
        f.store.reserve_some(i64::MIN, 100).await.unwrap();
        assert!(f.store.balance(Book::On, &owner(f)).await.unwrap().debits_pending > held);
        end_epoch(f).await;
        begin(f, MoneyMode::On).await;
        f.store.reserve_some(i64::MIN, 100).await.unwrap();
        charge(f).await;
        let balance = f.store.balance(Book::On, &owner(f)).await.unwrap();
        assert_eq!((balance.debits_pending, balance.debits_posted), (Frost(0), bill(f, 1).await.unwrap().charges.total()));
        balances(f).await;
    }

    async fn a_bucket_may_have_funds_and_a_limit_of_its_own(f: &Fixture) {
        begin(f, MoneyMode::On).await;
        let funds = LedgerAccount::Bucket(f.bucket.0.to_string());
        assert!(f.store.set_payer(f.bucket, Some(funds.clone())).await.unwrap());
        assert!(!f.store.set_payer(crate::domain::BucketId(9_999), Some(funds.clone())).await.unwrap());
        credit(f, funds.clone(), "for this bucket", 1 << 60).await;
        f.put("one", MIB).await;
        let (cost, epoch) = f.store.bucket_cost(f.bucket).await.unwrap().unwrap();
        assert_eq!((&cost.payer, cost.funds.allow(Frost(0))), (&funds, Ok(())));
        f.store.set_spend_limit(f.bucket, Some(Frost(cost.projected.total().0 + 5))).await.unwrap();
        let (cost, _) = f.store.bucket_cost(f.bucket).await.unwrap().unwrap();
        assert!(matches!(cost.funds.allow(Frost(1_000_000)), Err(Shortfall::Limit { .. })));
        let alert = f.store.take_alert(&cost, &epoch, Some("hook")).await.unwrap().unwrap();
        assert_eq!((&*alert.bucket, alert.percent), ("first-bucket", 90));
        assert_eq!(f.store.take_alert(&cost, &epoch, Some("hook")).await.unwrap(), None, "once");
        let waiting = f.store.claim_events("hook", 9, 60, 60).await.unwrap().events;
        let [event] = &*waiting else { panic!("{waiting:?}") };
        let message: serde_json::Value = serde_json::from_str(&event.record).unwrap();
        assert!(event.whole && event.is_alert && event.account.is_none(), "the operator's own: {event:?}");
        assert_eq!((&message["event"], &message["percent"]), (&"haulout:FundsAlert".into(), &90.into()));
        f.store.delay_event(event.seq, 0).await.unwrap();
        let again = f.store.claim_events("hook", 9, 60, 60).await.unwrap().events;
        assert_eq!(again.first().map(|event| event.attempts), Some(1), "until it is delivered");
        f.store.forget_events(vec![event.seq]).await.unwrap();
        end_epoch(f).await;
        charge(f).await;
        assert_eq!(bill(f, 1).await.unwrap().payer, funds);
        assert!(f.store.balance(Book::On, &funds).await.unwrap().debits_posted > Frost(0));
    }

    async fn what_is_copied_or_moved_is_not_written_again(f: &Fixture) {
        use crate::metadata::blobs::owned_extent::{ExtentMove, ExtentOwner, OwnedExtent};
        use crate::metadata::commit::{Batch, Change};
        let written = || f.one_int("SELECT CAST(SUM(encoded_bytes_written) AS BIGINT) FROM meter");
        let version = f.put("one", 100_000).await;
        let once = written().await;
        assert_eq!(once, f.one_int("SELECT encoded_bytes FROM version").await);
        let copy = f.version("copy", version.extents.clone());
        let change = Change::Put(crate::metadata::PutChange { source: Some(version.id), ..f.put_change(copy) });
        f.commit(Batch { blobs: Vec::new(), changes: vec![change] }).await.unwrap();
        assert_eq!(written().await, once);
        f.delete("copy").await;
        let blob = f.blob_of("copy-3", 100_000, false);
        let from = OwnedExtent { owner: ExtentOwner(version.id.0), ordinal: 0, extent: version.extents[0] };
        let moved = ExtentMove { from, to: crate::metadata::tests::fixture::whole(&blob)[0] };
        assert_eq!(f.store.move_extents(f.incarnation, vec![blob], vec![moved]).await.unwrap(), [true]);
        assert_eq!(written().await, once);
        assert!(f.store.database().row(Statement::new("SELECT 1 FROM meter")).await.unwrap().is_some());
    }
}
