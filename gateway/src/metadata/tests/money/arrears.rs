//! Buckets that owe.

use super::charged::{begin, charge, credit, end_epoch, owner};
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::domain::money::price::MIB;
use crate::ledger::{ArrearsStage, ArrearsTerms};
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::{BucketCost, ChargeStep, EndDecision};

const HOUR: i64 = 3_600_000_000;
const TERMS: ArrearsTerms = ArrearsTerms { grace: HOUR, notice: 10 * HOUR };

async fn cost(f: &Fixture) -> BucketCost {
    f.store.bucket_cost(f.bucket).await.unwrap().unwrap().0
}

/// The stage that is announced now, if one is.
async fn notice(f: &Fixture) -> Option<ArrearsStage> {
    let notice = f.store.take_arrears_notice(&cost(f).await, &TERMS, None).await.unwrap();
    notice.map(|notice| notice.announced.stage)
}

/// Lets so much time pass for what was announced.
async fn pass(f: &Fixture, micros: i64) {
    f.meddle(format!("UPDATE bucket_funds SET read_only_at = read_only_at - {micros}, ends_at = ends_at - {micros}"))
        .await;
}

/// A bucket whose last epoch could not be paid.
async fn owing(f: &Fixture) -> Frost {
    begin(f, MoneyMode::On).await;
    f.put("one", 10 * MIB).await;
    end_epoch(f).await;
    charge(f).await;
    begin(f, MoneyMode::On).await;
    let owed = cost(f).await.funds.unpaid;
    assert!(owed > Frost(0));
    owed
}

both! {
    async fn stages_are_announced_once_each_and_paying_ends_them(f: &Fixture) {
        use ArrearsStage::{Ended, Grace, Paid, ReadOnly};
        let owed = owing(f).await;
        assert_eq!(cost(f).await.stage, Grace);
        let other = f.other_gateway_or_self().await;
        let seen = cost(f).await;
        let (one, two) = tokio::join!(f.store.take_arrears_notice(&seen, &TERMS, None), other.take_arrears_notice(&seen, &TERMS, None));
        let announced: Vec<_> = [one.unwrap(), two.unwrap()].into_iter().flatten().collect();
        assert_eq!(announced.len(), 1, "one gateway announces it");
        assert_eq!((announced[0].unpaid, announced[0].announced.stage), (owed, Grace));
        assert_eq!(notice(f).await, None);
        pass(f, 2 * HOUR).await;
        assert_eq!((cost(f).await.stage, notice(f).await, notice(f).await), (ReadOnly, Some(ReadOnly), None));
        // All the time that was announced is given, although the announcement came an hour late.
        let dates = cost(f).await.arrears.announced;
        assert!(dates.ends_at.0 - dates.read_only_at.0 > 10 * HOUR, "{dates:?}");
        assert!(!f.store.decide_arrears(f.bucket, EndDecision::GiveUp).await.unwrap(), "its end has not come");
        pass(f, 11 * HOUR).await;
        assert_eq!((cost(f).await.stage, notice(f).await, notice(f).await), (Ended, Some(Ended), None));
        let listed = f.store.buckets_in_arrears(i64::MIN, 10).await.unwrap();
        assert_eq!((listed.len(), listed[0].stage, listed[0].is_given_up), (1, Ended, false));

        assert!(f.store.decide_arrears(f.bucket, EndDecision::GiveUp).await.unwrap());
        assert!(cost(f).await.is_given_up);
        assert!(f.store.decide_arrears(f.bucket, EndDecision::Keep).await.unwrap());
        assert!(!cost(f).await.is_given_up);
        assert!(f.store.decide_arrears(f.bucket, EndDecision::GiveUp).await.unwrap());
        assert!(f.store.decide_arrears(f.bucket, EndDecision::Extend(HOUR)).await.unwrap());
        let extended = cost(f).await;
        assert_eq!((extended.stage, extended.is_given_up), (ReadOnly, false));

        credit(f, owner(f), "all of it", owed.0).await;
        assert_eq!(cost(f).await.stage, Paid, "at once, and before it is charged");
        assert_eq!(f.store.charge_unpaid(10).await.unwrap(), 1);
        assert_eq!((notice(f).await, notice(f).await), (Some(Paid), None));
        assert!(f.store.buckets_in_arrears(i64::MIN, 10).await.unwrap().is_empty());
        assert!(!f.store.decide_arrears(f.bucket, EndDecision::Extend(HOUR)).await.unwrap());
    }

    async fn a_hold_of_an_epoch_that_is_over_pays_that_one_first(f: &Fixture) {
        begin(f, MoneyMode::On).await;
        f.put("one", 10 * MIB).await;
        credit(f, owner(f), "much", 1 << 50).await;
        f.store.reserve_some(i64::MIN, 100).await.unwrap();
        let held = cost(f).await.funds.hold;
        assert!(held > Frost(0));
        end_epoch(f).await;
        begin(f, MoneyMode::On).await;
        while matches!(f.store.charge_some(2, 0).await.unwrap(), ChargeStep::Some(_)) {}
        let balance = f.store.balance(Book::On, &owner(f)).await.unwrap();
        let funds = cost(f).await.funds;
        assert_eq!((funds.hold, funds.free), (held, balance.free()));
        assert!(funds.billed > Frost(0), "what it owes for the epoch that is over is not settled");
        let there = held.0 + balance.free().0 - funds.billed.0;
        assert_eq!(funds.allow(Frost(there - funds.projected.0)), Ok(()));
        assert!(funds.allow(Frost(there - funds.projected.0 + 1)).is_err());
        charge(f).await;
        let settled = cost(f).await.funds;
        assert_eq!((settled.billed, settled.hold), (Frost(0), Frost(0)));
        assert_eq!(settled.free.0, there, "the same when it is settled");
        assert_eq!(f.store.balance(Book::On, &LedgerAccount::Escrow(crate::domain::money::epoch::Epoch(1))).await.unwrap()
            .credits_posted, funds.billed);
    }
}
