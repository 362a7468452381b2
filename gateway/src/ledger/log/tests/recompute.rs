//! What a witness recomputes.

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode, TransferId};
use crate::ledger::log::note::{Checkpoint, WitnessRefusal};
use crate::ledger::log::tree::{Frontier, leaf_hash};
use crate::ledger::log::verify::{GivenSection, PlannedEpoch, RecomputeError, RecomputedHead, recompute};
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
    assert_eq!((first.epoch, first.sequence, first.tree.size()), (Some(Epoch(7)), 2, 4));
    let next = leaves(8, b"in", 3, vec![transfer(1, TransferCode::Storage, 5)]);
    assert_eq!(given(&first, b"in", &next).unwrap().sequence, 3);

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
