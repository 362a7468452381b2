//! The ledger in rows.

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode};
use crate::ledger::{Entry, Outcome, Phase, Refusal, Resolution, transfer_id};
use crate::metadata::engine::statement::Statement;
use crate::metadata::tests::fixture::{Fixture, both};

pub(super) fn payer(name: &str) -> LedgerAccount {
    LedgerAccount::Payer(name.to_owned())
}

fn transfer(what: &str, debit: LedgerAccount, credit: LedgerAccount, amount: u64) -> Transfer {
    Transfer {
        id: transfer_id(&[what.as_bytes()]),
        book: Book::On,
        debit,
        credit,
        amount: Frost(amount),
        code: TransferCode::Storage,
        epoch: Epoch(1),
        cause: what.to_owned(),
    }
}

fn credit(reference: &str, amount: u64) -> Entry {
    let transfer = transfer(reference, LedgerAccount::Outside, payer("anna"), amount);
    Entry::posted(Transfer { code: TransferCode::Credit, ..transfer })
}

fn fee(what: &str, amount: u64) -> Entry {
    Entry::posted(transfer(what, payer("anna"), LedgerAccount::Escrow(Epoch(1)), amount))
}

async fn free(f: &Fixture) -> u64 {
    f.store.balance(Book::On, &payer("anna")).await.unwrap().free().0
}

async fn refuses(f: &Fixture, text: &'static str) -> String {
    let mut session = f.store.database().plain_writer().await;
    session.execute(Statement::new(text)).await.unwrap_err().to_string()
}

both! {
    async fn what_is_posted_stands_once(f: &Fixture) {
        let batch = vec![credit("bank 1", 100), fee("a", 30), fee("b", 71)];
        let missing = Outcome::Refused(Refusal::ExceedsCredits { missing: Frost(1) });
        let outcomes = f.store.post(batch.clone()).await.unwrap();
        assert_eq!(outcomes, [Outcome::Recorded, Outcome::Recorded, missing]);
        let outcomes = f.store.post(batch).await.unwrap();
        assert_eq!(outcomes, [Outcome::Exists, Outcome::Exists, missing]);
        assert_eq!(free(f).await, 70);
        let different = f.store.post(vec![credit("bank 1", 101)]).await.unwrap();
        let Outcome::Refused(refusal) = different[0] else { panic!("{different:?}") };
        assert_eq!(refusal.to_string(), "exists_with_different_amount");
        let entries = f.store.entries_after(0, 10).await.unwrap();
        assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(entries[1].recorded.entry, fee("a", 30));
        assert!(entries[0].recorded.at <= entries[1].recorded.at);
        assert_eq!(f.store.entries_of(Book::On, &payer("anna"), 10).await.unwrap().len(), 2);
        assert_eq!(f.store.entries_of_epoch(Epoch(1), 1, 10).await.unwrap().len(), 1);
        let accounts = f.store.ledger_accounts(Book::On, "", 10).await.unwrap();
        let names: Vec<_> = accounts.iter().map(|(account, _)| account.to_string()).collect();
        assert_eq!(names, ["escrow/1", "outside", "payer/anna"]);
        assert!(f.store.ledger_accounts(Book::Track, "", 10).await.unwrap().is_empty(), "books do not meet");
    }

    async fn a_reservation_is_kept_until_it_is_resolved(f: &Fixture) {
        f.store.post(vec![credit("bank 1", 100)]).await.unwrap();
        let hold = Entry { phase: Phase::Pending { timeout_micros: Some(3_600_000_000) }, ..fee("hold", 60) };
        let id = hold.transfer.id;
        assert_eq!(f.store.post(vec![hold.clone()]).await.unwrap(), [Outcome::Recorded]);
        assert_eq!(free(f).await, 40);
        let post = Entry { phase: Phase::PostPending(id), ..fee("post", 25) };
        let void = Entry { phase: Phase::VoidPending(id), ..fee("void", 60) };
        let expire = Entry { phase: Phase::Expire(id), ..fee("expire", 60) };
        assert_eq!(f.store.post(vec![expire]).await.unwrap(), [Outcome::Refused(Refusal::NotExpired)]);
        assert_eq!(f.store.post(vec![post.clone()]).await.unwrap(), [Outcome::Recorded]);
        assert_eq!(f.store.post(vec![hold, post]).await.unwrap(), [Outcome::Exists, Outcome::Exists]);
        assert_eq!(f.store.post(vec![void]).await.unwrap(), [Outcome::Refused(Refusal::AlreadyPosted)]);
        assert_eq!(free(f).await, 75);
        let entries = f.store.entries_after(0, 10).await.unwrap();
        assert_eq!(entries[1].recorded.resolution, Some(Resolution::Posted));
        let balance = f.store.balance(Book::On, &LedgerAccount::Escrow(Epoch(1))).await.unwrap();
        assert_eq!((balance.credits_pending, balance.credits_posted), (Frost(0), Frost(25)));
    }

    async fn rows_of_the_ledger_never_change(f: &Fixture) {
        f.store.post(vec![credit("bank 1", 100), fee("a", 30)]).await.unwrap();
        for text in [
            "UPDATE ledger_transfer SET amount = 1 WHERE seq = 1",
            "UPDATE ledger_transfer SET cause = ''",
            "DELETE FROM ledger_transfer WHERE seq = 2",
            "DELETE FROM ledger_account",
        ] {
            assert!(refuses(f, text).await.contains("never"), "{text}");
        }
        let spends_too_much = "UPDATE ledger_account SET debits_posted = 101 WHERE name = 'payer/anna'";
        assert!(refuses(f, spends_too_much).await.to_lowercase().contains("check"));
        let nothing = "INSERT INTO ledger_transfer (seq, id, book, debit, credit, amount, code, epoch, cause, phase, recorded_at) \
                       SELECT 9, id, book, debit, credit, 0, code, epoch, cause, phase, recorded_at FROM ledger_transfer WHERE seq = 1";
        refuses(f, nothing).await;
        assert_eq!(f.store.entries_after(0, 10).await.unwrap().len(), 2);
    }

    async fn many_post_at_once_and_every_amount_counts_once(f: &Fixture) {
        f.store.post(vec![credit("bank 1", 1_000)]).await.unwrap();
        let other = f.other_gateway_or_self().await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..40_u64 {
            let store = if number % 2 == 0 { f.store.clone() } else { other.clone() };
            // Each twice, from different gateways.
            tasks.spawn(async move { store.post(vec![fee(&format!("fee {}", number / 2), 10)]).await });
        }
        let outcomes: Vec<_> = tasks.join_all().await.into_iter().map(|done| done.unwrap()[0]).collect();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Recorded).count(), 20);
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Exists).count(), 20);
        assert_eq!(free(f).await, 800);
        let numbers: Vec<_> = f.store.entries_after(0, 100).await.unwrap().iter().map(|entry| entry.seq).collect();
        assert_eq!(numbers, (1..=21).collect::<Vec<_>>(), "no gaps");
    }
}
