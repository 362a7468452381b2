//! A change of what is done about money: what one book left open or owes waits until that book is settled again, and stops nobody.

use super::charged_epochs::{begin_in, credit, end, judge, settle};
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::metadata::tests::fixture::{Fixture, both};
use crate::settlement::EpochInputs;

/// An epoch in which these providers passed an audit, and others were not asked.
async fn audited(f: &Fixture, mode: MoneyMode, passed: &[&str]) -> EpochInputs {
    begin_in(f, mode).await;
    f.put("content", 1_000_000).await;
    for backend in passed {
        judge(f, backend, "passed", "{}").await;
    }
    end(f).await;
    settle(f).await
}

async fn payer(f: &Fixture) {
    credit(f, LedgerAccount::Payer(f.owner.account_number()), "owner", 1_000_000_000_000_000_000).await;
}

/// The periods that an epoch's inputs name.
fn open(inputs: &EpochInputs) -> Vec<(&str, u64)> {
    inputs.open_periods.iter().map(|period| (&*period.provider, period.epoch.0)).collect()
}

fn owed(inputs: &EpochInputs, provider: &str) -> u64 {
    inputs.providers.iter().find(|facts| facts.provider == provider).unwrap().owed.0
}

async fn reserved(f: &Fixture, book: Book, epoch: u64) -> u64 {
    f.store.balance(book, &LedgerAccount::Escrow(Epoch(epoch))).await.unwrap().free().0
}

both! {
    async fn a_period_waits_until_its_own_book_is_settled_again(f: &Fixture) {
        const ALL: [&str; 3] = ["b1", "b2", "b3"];
        payer(f).await;
        audited(f, MoneyMode::Track, &["b2", "b3"]).await;
        assert!(reserved(f, Book::Track, 1).await > 0, "b1 waits");
        let inputs = audited(f, MoneyMode::On, &["b2", "b3"]).await;
        assert_eq!((inputs.book, open(&inputs)), (Book::On, vec![]), "what is tracked is not charged");
        assert!(reserved(f, Book::On, 2).await > 0, "b1 waits here too");
        let inputs = audited(f, MoneyMode::Off, &ALL).await;
        assert_eq!((inputs.book, open(&inputs)), (Book::Track, vec![("b1", 1)]));
        assert_eq!(reserved(f, Book::Track, 1).await, 0, "it is paid");
        assert!(reserved(f, Book::On, 2).await > 0, "the other one goes on waiting");
        let inputs = audited(f, MoneyMode::On, &ALL).await;
        assert_eq!(open(&inputs), [("b1", 2)]);
        assert_eq!(reserved(f, Book::On, 2).await, 0);
        assert_eq!(open(&audited(f, MoneyMode::Track, &ALL).await), []);
        assert_eq!(f.one_int("SELECT COUNT(*) FROM open_period").await, 0);
    }

    async fn what_a_tracked_fund_owes_is_not_paid_with_money_that_is_charged(f: &Fixture) {
        payer(f).await;
        // Nobody pays in it, so its fund is empty.
        audited(f, MoneyMode::Off, &["b1", "b1", "b1", "b2", "b3"]).await;
        let inputs = audited(f, MoneyMode::On, &["b1", "b2", "b3"]).await;
        assert_eq!(owed(&inputs, "b1"), 0);
        let earned = f.store.earnings(Book::On, Some("b1"), (Epoch(2), Epoch(2))).await.unwrap();
        assert_eq!(earned[&(Epoch(2), "b1".to_owned())].work, Frost(1), "for the audit of this epoch");
        let inputs = audited(f, MoneyMode::Track, &["b1", "b2", "b3"]).await;
        assert_eq!(owed(&inputs, "b1"), 3, "the other book remembers");
        assert_eq!(inputs.providers[0].vetting, 4, "audits vet in either");
        assert_eq!(owed(&audited(f, MoneyMode::Track, &["b1"]).await, "b1"), 0, "it was paid");
    }
}
