//! What a witness recomputes.

use std::collections::BTreeMap;

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::price::Prices;
use crate::domain::money::transfer::{Transfer, TransferCode, TransferId};
use crate::ledger::log::note::{Checkpoint, WitnessRefusal};
use crate::ledger::log::tree::{Frontier, leaf_hash};
use crate::ledger::log::verify::{Claims, GivenSection, PlannedEpoch, RecomputeError, RecomputedHead, recompute};
use crate::ledger::log::{decode_section, encode_section, section};

fn transfer(id: u8, code: TransferCode, amount: u64) -> Transfer {
    Transfer {
        id: TransferId([id; 16]),
        book: Book::Track,
        debit: LedgerAccount::Payer("a".to_owned()),
        credit: LedgerAccount::Burn,
        amount: Frost(amount),
        code,
        epoch: Epoch(7),
        cause: "c".to_owned(),
    }
}

/// What the inputs give: one transfer.
fn plan(inputs: &[u8]) -> Result<Vec<Transfer>, String> {
    if inputs == b"nonsense" { Err("no plan".to_owned()) } else { Ok(vec![transfer(1, TransferCode::Storage, 5)]) }
}

fn planned_epoch(inputs: &[u8]) -> Result<PlannedEpoch, String> {
    plan(inputs).map(Into::into)
}

/// The planned transfer is the first, others were ordered by somebody.
fn code_of(id: u8) -> TransferCode {
    if id == 1 { TransferCode::Storage } else { TransferCode::Credit }
}

fn checkpoint(before: &RecomputedHead, leaves: &[String]) -> Checkpoint {
    let mut tree: Frontier = before.tree.clone();
    leaves.iter().for_each(|leaf| tree.push(leaf_hash(leaf.as_bytes())));
    Checkpoint { origin: "log.example/l".to_owned(), size: tree.size(), root: tree.root(), extensions: Vec::new() }
}

fn leaves(epoch: u64, inputs: &[u8], first: u64, transfers: Vec<Transfer>) -> Vec<String> {
    section(Epoch(epoch), inputs, first, transfers).iter().map(ToString::to_string).collect()
}

fn given(before: &RecomputedHead, inputs: &[u8], texts: &[String]) -> Result<RecomputedHead, RecomputeError> {
    let leaves: Vec<_> = texts.iter().map(String::as_bytes).collect();
    recompute(before, &checkpoint(before, texts), GivenSection { inputs, leaves: &leaves }, &planned_epoch)
}

fn wrong(outcome: Result<RecomputedHead, RecomputeError>) -> String {
    match outcome {
        Err(RecomputeError::Wrong(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn epochs_that_follow_from_their_inputs_are_taken_and_others_are_not() {
    let nothing = RecomputedHead::default();
    let good = leaves(7, b"in", 1, vec![transfer(1, TransferCode::Storage, 5), transfer(2, TransferCode::Credit, 9)]);
    let first = given(&nothing, b"in", &good).unwrap();
    assert_eq!((first.ledger.epoch, first.ledger.sums.sequence(), first.tree.size()), (Some(Epoch(7)), 2, 4));
    let next = leaves(8, b"in", 3, vec![transfer(1, TransferCode::Storage, 5)]);
    assert_eq!(given(&first, b"in", &next).unwrap().ledger.sums.sequence(), 3);

    // What the log signed and the rules do not give.
    let table = [
        (leaves(7, b"in", 1, Vec::new()), "missing before"),
        (
            leaves(7, b"in", 1, vec![transfer(1, TransferCode::Storage, 6)]),
            "the amount is `6`, and the inputs give `5`",
        ),
        (
            leaves(7, b"in", 1, vec![transfer(1, TransferCode::Storage, 5), transfer(3, TransferCode::Storage, 1)]),
            "give no",
        ),
        (leaves(7, b"in", 1, [1, 2, 2].map(|id| transfer(id, code_of(id), 5)).to_vec()), "occurs a second time"),
        (leaves(7, b"in", 2, vec![transfer(1, TransferCode::Storage, 5)]), "transfer 2 follows transfer 0"),
        (good[..3].to_vec(), "does not end"),
        (good[1..].to_vec(), "does not begin"),
        ([good[..3].to_vec(), good.clone()].concat(), "begins or ends within"),
        (vec!["nonsense".to_owned()], "the first word"),
    ];
    for (texts, expected) in table {
        let reason = wrong(given(&nothing, b"in", &texts));
        assert!(reason.contains(expected), "{reason:?} of {texts:?}");
    }
    assert!(wrong(given(&nothing, b"nonsense", &leaves(7, b"nonsense", 1, Vec::new()))).contains("no plan"));
    let gap = leaves(9, b"in", 3, vec![transfer(1, TransferCode::Storage, 5)]);
    assert!(wrong(given(&first, b"in", &gap)).contains("epoch 9 follows epoch 7"));

    // What is not of the checkpoint is nobody's fault but the sender's.
    assert!(matches!(given(&nothing, b"other", &good), Err(RecomputeError::NotOfCheckpoint(_))));
    let bytes: Vec<_> = good.iter().map(String::as_bytes).collect();
    let of_another = checkpoint(&nothing, &next);
    let outcome = recompute(&nothing, &of_another, GivenSection { inputs: b"in", leaves: &bytes }, &planned_epoch);
    assert!(matches!(outcome, Err(RecomputeError::NotOfCheckpoint(_))));
}

/// What the inputs say: a byte each for what the payer has, what is owed to a provider from before, and afterwards.
fn claimed(inputs: &[u8]) -> Result<PlannedEpoch, String> {
    let &[has, before, after] = inputs else { return Err("no plan".to_owned()) };
    let owed = |amount: u8| BTreeMap::from([("owed n1".to_owned(), amount.to_string())]);
    let claims = Claims {
        book: Book::On,
        prices: Prices { storage: Frost(u64::from(after)), ..Prices::default() },
        balances: [(LedgerAccount::Payer("a".to_owned()), Frost(u64::from(has)))].into(),
        balances_least: BTreeMap::new(),
        before: if before == 0 { BTreeMap::new() } else { owed(before) },
        after: owed(after),
        shares_before: BTreeMap::new(),
        shares_after: BTreeMap::new(),
    };
    Ok(PlannedEpoch { transfers: Vec::new(), claims: Some(claims) })
}

#[test]
fn an_epoch_is_held_to_the_ledger_and_to_the_epoch_before() {
    let paid = |id: u8, amount: u64| {
        let (debit, credit) = (LedgerAccount::Outside, LedgerAccount::Payer("a".to_owned()));
        Transfer { book: Book::On, debit, credit, ..transfer(id, TransferCode::Credit, amount) }
    };
    let spent = |id: u8, amount: u64| {
        let (debit, credit) = (LedgerAccount::Payer("a".to_owned()), LedgerAccount::Outside);
        Transfer { debit, credit, ..paid(id, amount) }
    };
    let given = |before: &RecomputedHead, inputs: &[u8], texts: &[String]| {
        let leaves: Vec<_> = texts.iter().map(String::as_bytes).collect();
        recompute(before, &checkpoint(before, texts), GivenSection { inputs, leaves: &leaves }, &claimed)
    };
    let first = given(&RecomputedHead::default(), &[9, 0, 100], &leaves(1, &[9, 0, 100], 1, vec![paid(1, 9)])).unwrap();
    let second = |inputs: [u8; 3], transfers: Vec<Transfer>| given(&first, &inputs, &leaves(2, &inputs, 2, transfers));
    assert!(second([9, 100, 100], Vec::new()).is_ok());
    assert!(second([13, 100, 120], vec![paid(2, 4)]).is_ok());
    let table = [
        (second([8, 100, 100], Vec::new()), "`payer/a` is said to have 8 FROST, and has 9"),
        (second([0, 100, 100], vec![spent(2, 10)]), "`payer/a` gives 10 FROST, which is 1 more than it has"),
        (second([9, 99, 100], Vec::new()), "`owed n1` is `99`, and the epoch before left it `100`"),
        (second([9, 0, 100], Vec::new()), "`owed n1` is not there"),
        (second([9, 100, 121], Vec::new()), "do not move that far in a step"),
    ];
    for (outcome, expected) in table {
        let reason = wrong(outcome);
        assert!(reason.contains(expected), "{reason:?}");
    }
}

#[test]
fn sections_and_refusals_have_one_text() {
    let texts = leaves(7, b"in", 1, Vec::new());
    let body = encode_section(b"in", &texts).unwrap();
    let (inputs, split) = decode_section(&body).unwrap();
    assert_eq!((inputs, split), (&b"in"[..], texts.iter().map(String::as_bytes).collect()));
    for end in 0..body.len() {
        let cut = decode_section(&body[..end]);
        assert!(cut.is_none_or(|(_, leaves)| leaves.len() < texts.len()), "{end}");
    }
    assert_eq!(decode_section(&[0xFF; 20]), None);

    let head = checkpoint(&RecomputedHead::default(), &texts);
    let refusal = WitnessRefusal::of(&head, "two\nlines \u{7}");
    let text = refusal.to_string();
    assert_eq!((text.parse(), &*refusal.reason), (Ok(refusal.clone()), "two lines"));
    assert!(text.parse::<Checkpoint>().is_err(), "a refusal is never taken for a checkpoint");
    assert!(head.to_string().parse::<WitnessRefusal>().is_err());
    assert_eq!(WitnessRefusal::of(&head, &"\u{e4}".repeat(900)).reason.len(), 500);
    assert!(text.replace("reason two", "because two").parse::<WitnessRefusal>().is_err());
}
