//! The rules as stories, and as properties of random batches.

use proptest::prelude::*;

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode, TransferId};
use crate::ledger::{Books, Entry, Field, Outcome, Phase, Recorded, Refusal, Resolution, split, transfer_id};

fn payer(name: &str) -> LedgerAccount {
    LedgerAccount::Payer(name.to_owned())
}

fn transfer(id: u8, debit: LedgerAccount, credit: LedgerAccount, amount: u64) -> Transfer {
    Transfer {
        id: TransferId([id; 16]),
        book: Book::On,
        debit,
        credit,
        amount: Frost(amount),
        code: TransferCode::Move,
        epoch: Epoch(1),
        cause: String::new(),
    }
}

fn entry(id: u8, phase: Phase, amount: u64) -> Entry {
    Entry { transfer: transfer(id, payer("anna"), LedgerAccount::Escrow(Epoch(1)), amount), phase, linked: false }
}

fn pending(id: u8, amount: u64) -> Entry {
    entry(id, Phase::Pending { timeout_micros: None }, amount)
}

/// Books in which anna has so much.
fn funded(amount: u64) -> Books {
    let mut books = Books::default();
    let credit = Entry::posted(transfer(200, LedgerAccount::Outside, payer("anna"), amount));
    assert_eq!(books.apply(&[credit], 0), [Outcome::Recorded]);
    books
}

fn free(books: &Books, account: &LedgerAccount) -> u64 {
    books.balances[&(Book::On, account.clone())].free().0
}

#[test]
fn nobody_spends_what_is_not_there() {
    let mut books = funded(100);
    let missing = Outcome::Refused(Refusal::ExceedsCredits { missing: Frost(1) });
    assert_eq!(books.apply(&[entry(1, Phase::Posted, 101)], 0), [missing]);
    assert_eq!(books.apply(&[entry(1, Phase::Posted, 100)], 0), [Outcome::Recorded], "a refused id may be tried again");
    assert_eq!(free(&books, &payer("anna")), 0);
    let mut tracked = entry(2, Phase::Posted, 1_000_000);
    tracked.transfer.book = Book::Track;
    assert_eq!(books.apply(&[tracked], 0), [Outcome::Recorded], "a payer that is only tracked has no limit");
}

#[test]
fn what_is_reserved_is_not_free_and_what_is_about_to_come_does_not_count() {
    let mut books = funded(100);
    assert_eq!(books.apply(&[pending(1, 60)], 0), [Outcome::Recorded]);
    assert_eq!(free(&books, &payer("anna")), 40);
    let missing = Outcome::Refused(Refusal::ExceedsCredits { missing: Frost(1) });
    assert_eq!(books.apply(&[entry(2, Phase::Posted, 41)], 0), [missing]);
    let onward = transfer(3, LedgerAccount::Escrow(Epoch(1)), LedgerAccount::Burn, 1);
    assert_eq!(books.apply(&[Entry::posted(onward)], 0), [missing], "the escrow has nothing yet");
}

#[test]
fn a_reservation_resolves_once() {
    let mut books = funded(100);
    let post = |id, amount| entry(id, Phase::PostPending(TransferId([1; 16])), amount);
    let void = |id, amount| entry(id, Phase::VoidPending(TransferId([1; 16])), amount);
    assert_eq!(books.apply(&[post(2, 1)], 0), [Outcome::Refused(Refusal::PendingNotFound)]);
    books.apply(&[pending(1, 60)], 0);
    assert_eq!(books.apply(&[post(2, 61)], 0), [Outcome::Refused(Refusal::ExceedsPending)]);
    assert_eq!(books.apply(&[void(2, 59)], 0), [Outcome::Refused(Refusal::PendingDiffers(Field::Amount))]);
    assert_eq!(books.apply(&[post(2, 25)], 0), [Outcome::Recorded]);
    assert_eq!(free(&books, &payer("anna")), 75, "the rest is released");
    assert_eq!(books.apply(&[post(2, 25)], 0), [Outcome::Exists]);
    assert_eq!(books.apply(&[post(3, 25)], 0), [Outcome::Refused(Refusal::AlreadyPosted)]);
    assert_eq!(books.apply(&[void(4, 60)], 0), [Outcome::Refused(Refusal::AlreadyPosted)]);
    let of_a_posted_one = entry(5, Phase::VoidPending(TransferId([200; 16])), 100);
    assert_eq!(books.apply(&[of_a_posted_one], 0), [Outcome::Refused(Refusal::NotPending)]);
}

#[test]
fn a_reservation_ends_with_its_time() {
    let mut books = funded(100);
    let id = TransferId([1; 16]);
    let short = entry(1, Phase::Pending { timeout_micros: Some(10) }, 60);
    assert_eq!(books.apply(&[short], 5), [Outcome::Recorded]);
    let expire = entry(2, Phase::Expire(id), 60);
    assert_eq!(books.apply(std::slice::from_ref(&expire), 14), [Outcome::Refused(Refusal::NotExpired)]);
    assert_eq!(books.apply(&[entry(3, Phase::PostPending(id), 60)], 15), [Outcome::Refused(Refusal::Expired)]);
    assert_eq!(books.apply(std::slice::from_ref(&expire), 15), [Outcome::Recorded]);
    assert_eq!(free(&books, &payer("anna")), 100);
    assert_eq!(books.recorded[&id].resolution, Some(Resolution::Expired));
}

#[test]
fn an_id_is_one_transfer_for_ever() {
    let mut books = funded(100);
    let first = entry(1, Phase::Posted, 5);
    assert_eq!(books.apply(std::slice::from_ref(&first), 0), [Outcome::Recorded]);
    assert_eq!(books.apply(std::slice::from_ref(&first), 9), [Outcome::Exists]);
    let changed = |change: fn(&mut Entry)| {
        let mut other = first.clone();
        change(&mut other);
        let outcome = books.clone().apply(&[other], 0).remove(0);
        let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        refusal.to_string()
    };
    assert_eq!(changed(|entry| entry.transfer.amount.0 += 1), "exists_with_different_amount");
    assert_eq!(changed(|entry| entry.transfer.book = Book::Track), "exists_with_different_book");
    assert_eq!(changed(|entry| entry.transfer.debit = payer("bert")), "exists_with_different_debit_account");
    assert_eq!(changed(|entry| entry.transfer.credit = payer("bert")), "exists_with_different_credit_account");
    assert_eq!(changed(|entry| entry.transfer.code = TransferCode::Storage), "exists_with_different_code");
    assert_eq!(changed(|entry| entry.transfer.epoch.0 += 1), "exists_with_different_epoch");
    assert_eq!(changed(|entry| entry.transfer.cause.push('x')), "exists_with_different_cause");
    assert_eq!(changed(|entry| entry.phase = Phase::Pending { timeout_micros: None }), "exists_with_different_phase");
}

#[test]
fn a_chain_is_recorded_whole_or_not_at_all() {
    let mut books = funded(100);
    let before = books.clone();
    let chain = |last: u64| {
        let mut chain =
            vec![pending(1, 10), entry(2, Phase::PostPending(TransferId([1; 16])), 10), entry(3, Phase::Posted, last)];
        chain[0].linked = true;
        chain[1].linked = true;
        chain
    };
    let failed = Outcome::Refused(Refusal::LinkedFailed);
    let missing = Outcome::Refused(Refusal::ExceedsCredits { missing: Frost(1) });
    assert_eq!(books.apply(&chain(91), 0), [failed, failed, missing]);
    assert_eq!((&books.balances, &books.recorded), (&before.balances, &before.recorded));
    assert_eq!(books.apply(&chain(90), 0), [Outcome::Recorded; 3]);
    assert_eq!(books.apply(&chain(90), 0), [Outcome::Exists; 3]);
    let mut open = entry(9, Phase::Posted, 1);
    open.linked = true;
    assert_eq!(books.apply(&[open], 0), [Outcome::Refused(Refusal::ChainOpen)]);
}

#[test]
fn amounts_and_accounts_are_checked() {
    let mut books = funded(100);
    assert_eq!(books.apply(&[entry(1, Phase::Posted, 0)], 0), [Outcome::Refused(Refusal::AmountOutOfRange)]);
    assert_eq!(books.apply(&[entry(1, Phase::Posted, u64::MAX)], 0), [Outcome::Refused(Refusal::AmountOutOfRange)]);
    let same = Entry::posted(transfer(1, payer("anna"), payer("anna"), 1));
    assert_eq!(books.apply(&[same], 0), [Outcome::Refused(Refusal::AccountsMustBeDifferent)]);
    let timeless = entry(1, Phase::Pending { timeout_micros: Some(0) }, 1);
    assert_eq!(books.apply(&[timeless], 0), [Outcome::Refused(Refusal::TimeoutOutOfRange)]);
    let most = Entry::posted(transfer(1, LedgerAccount::Outside, payer("anna"), Frost::MAX.0));
    assert_eq!(books.apply(&[most], 0), [Outcome::Refused(Refusal::Overflows)]);
}

#[test]
fn ids_follow_from_what_a_transfer_is_for() {
    assert_eq!(transfer_id(&[b"a", b"bc"]), transfer_id(&[b"a", b"bc"]));
    assert_ne!(transfer_id(&[b"a", b"bc"]), transfer_id(&[b"ab", b"c"]));
    assert_ne!(transfer_id(&[b"a"]), transfer_id(&[b"a", b""]));
}

/// A million splits come out to the last FROST: the seed makes the run repeatable.
#[test]
fn a_million_splits_sum_exactly() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..1_000_000 {
        let amount = Frost((random() >> 1) >> (random() % 63));
        let weights: Vec<_> = (0..=random() % 8).map(|_| random() >> (random() % 64)).collect();
        let parts = split(amount, &weights);
        let sum: i128 = parts.iter().map(|part| i128::from(part.0)).sum();
        let all: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        assert_eq!(sum, if all == 0 { 0 } else { i128::from(amount.0) }, "{amount:?} {weights:?}");
        for (part, weight) in parts.iter().zip(&weights).filter(|_| all > 0) {
            // Never a FROST from the exact share, which is compared without rounding it.
            let (exact, given) = (u128::from(amount.0) * u128::from(*weight), u128::from(part.0));
            assert!(given * all < exact + all && exact < (given + 1) * all, "{amount:?} {weights:?}");
        }
    }
}

fn any_account() -> impl Strategy<Value = LedgerAccount> {
    prop_oneof![
        Just(LedgerAccount::Outside),
        Just(payer("a")),
        Just(payer("b")),
        Just(LedgerAccount::Escrow(Epoch(1))),
        Just(LedgerAccount::Burn),
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let id = || (0..12_u8).prop_map(|id| TransferId([id; 16]));
    let phase = prop_oneof![
        4 => Just(Phase::Posted),
        2 => prop_oneof![Just(None), (1..20_u64).prop_map(Some)].prop_map(|timeout_micros| Phase::Pending { timeout_micros }),
        2 => id().prop_map(Phase::PostPending),
        1 => id().prop_map(Phase::VoidPending),
        1 => id().prop_map(Phase::Expire),
    ];
    let book = prop_oneof![Just(Book::On), Just(Book::Track)];
    (id(), book, any_account(), any_account(), 0..50_u64, phase, prop::bool::weighted(0.3)).prop_map(
        |(id, book, debit, credit, amount, phase, linked)| Entry {
            transfer: Transfer { id, book, ..transfer(0, debit, credit, amount) },
            phase,
            linked,
        },
    )
}

/// What must hold of any books.
fn assert_sound(books: &Books) {
    for book in [Book::On, Book::Track] {
        let of_book = || books.balances.iter().filter(|((of, _), _)| *of == book);
        let sum = |amount: fn(&crate::ledger::Balance) -> Frost| {
            of_book().map(|(_, b)| i128::from(amount(b).0)).sum::<i128>()
        };
        assert_eq!(sum(|balance| balance.debits_posted), sum(|balance| balance.credits_posted));
        assert_eq!(sum(|balance| balance.debits_pending), sum(|balance| balance.credits_pending));
        for ((_, account), balance) in of_book() {
            let limited = match account {
                LedgerAccount::Outside => false,
                LedgerAccount::Payer(_) => book == Book::On,
                _ => true,
            };
            let debits = balance.debits_posted.0 + balance.debits_pending.0;
            assert!(!limited || debits <= balance.credits_posted.0, "{account} {balance:?}");
        }
    }
    // What is pending is what stands in pending entries that are not resolved.
    let open =
        |recorded: &&Recorded| matches!(recorded.entry.phase, Phase::Pending { .. }) && recorded.resolution.is_none();
    let reserved: u64 = books.recorded.values().filter(open).map(|recorded| recorded.entry.transfer.amount.0).sum();
    assert_eq!(reserved, books.balances.values().map(|balance| balance.debits_pending.0).sum::<u64>());
    let moved: u64 = books.recorded.values().map(|recorded| recorded.entry.moved().0).sum();
    assert_eq!(moved, books.balances.values().map(|balance| balance.debits_posted.0).sum::<u64>());
}

proptest! {
    #[test]
    fn whatever_is_asked_for_the_sums_agree(batches in prop::collection::vec(prop::collection::vec(any_entry(), 1..8), 1..12)) {
        let mut books = Books::default();
        for (now, batch) in batches.iter().enumerate() {
            let before = books.clone();
            let now = i64::try_from(now).unwrap() * 3;
            let outcomes = books.apply(batch, now);
            assert_sound(&books);
            if !outcomes.contains(&Outcome::Recorded) {
                assert_eq!(before.balances, books.balances);
            }
            // The same batch once more: what stands, stands, and moves nothing.
            let stood: Vec<_> = batch.iter().zip(&outcomes).filter(|(entry, outcome)| !entry.linked && outcome.stands()).map(|(entry, _)| entry.clone()).collect();
            let balances = books.balances.clone();
            let again = books.apply(&stood, now + 1);
            prop_assert!(again.iter().all(|outcome| *outcome == Outcome::Exists), "{again:?}");
            assert_eq!(balances, books.balances);
        }
    }
}
