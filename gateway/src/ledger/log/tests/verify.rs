//! What an honest export gives, and what a log that signs something false is caught at.

use super::example::{EPOCHS, Story, TRANSFERS, log, planned_epoch, policy_text, signed, verified, verified_after};
use crate::domain::money::account::LedgerAccount;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode, TransferId};
use crate::ledger::log::note::Policy;
use crate::ledger::log::tree::Frontier;
use crate::ledger::log::verify::{Verification, verify};
use crate::ledger::log::{Leaf, Opening};

#[test]
fn an_honest_export_is_good() {
    let files = Story::honest().export();
    let report = verified(&files);
    assert!(report.is_good(), "{report}");
    assert_eq!(report.epochs, Some((Epoch(1), Epoch(EPOCHS))));
    assert_eq!(report.transfers, EPOCHS * TRANSFERS);
    assert_eq!(report.checkpoints, EPOCHS + 1);
    assert_eq!(report.accounts, 1 + 5 + 7 + EPOCHS, "outside, payers, providers, escrows");
    assert_eq!(report.cosigned, [("node".to_owned(), 1_000 + EPOCHS * (TRANSFERS + 2))]);
    assert!(report.notes.is_empty());
    let text: String = files.values().map(|content| String::from_utf8_lossy(content)).collect();
    assert!(!text.contains("Rechnung") && !text.contains("payer/00000000000"), "nothing private is in it");
}

#[test]
fn without_a_policy_the_report_says_what_it_is_worth() {
    let files = Story::honest().export();
    let report = verify(&files, Verification { policy: None, seen: Vec::new(), plan: Some(&planned_epoch) });
    assert!(report.is_good() && report.notes.len() == 1, "{report}");
    let other = format!("log {}\nquorum none\n", policy_text().split(' ').nth(3).unwrap_or_default());
    assert!(Policy::read(other.as_bytes()).is_err(), "a witness is no log");
    let policy = Policy::of_logs(vec![log().key().clone()]);
    let unwitnessed =
        verify(&files, Verification { policy: Some(policy), seen: Vec::new(), plan: Some(&planned_epoch) });
    assert!(unwitnessed.is_good() && unwitnessed.cosigned.is_empty());
    let without_rules = verify(&files, Verification { policy: None, seen: Vec::new(), plan: None });
    assert!(without_rules.is_good() && without_rules.notes[1].contains("the rules were not checked"));
}

/// Where the last leaf of a section stands.
const END: usize = 96;

/// The place in the second epoch, and what is wrong, of the one fault that this change leads to.
fn caught(change: impl FnOnce(&mut Vec<Transfer>)) -> (u64, String) {
    caught_in(&Story::with_second(change))
}

fn caught_in(story: &Story) -> (u64, String) {
    let report = verified(&story.export());
    let fault = report.faults.first().unwrap_or_else(|| panic!("{report}")).clone();
    let bundle: u64 = fault.file.strip_prefix("tile/entries/").unwrap()[..3].parse().unwrap();
    let before = u64::try_from(story.sections[0].2.len()).unwrap();
    (bundle * 256 + fault.line.unwrap() - 1 - before, fault.cause)
}

fn planned(transfers: &mut [Transfer]) -> &mut Transfer {
    transfers.iter_mut().find(|transfer| transfer.code == TransferCode::Commission).unwrap()
}

#[test]
fn a_log_that_signs_what_the_inputs_do_not_give_is_caught() {
    // A section is a beginning, five credits, and from entry 6 on storage and commission by turns.
    let (place, cause) = caught(|transfers| planned(transfers).amount = Frost(1));
    assert_eq!((place, cause.as_str()), (7, "the amount is `1`, and the inputs give `200`"));
    let (place, cause) = caught(|transfers| planned(transfers).credit = LedgerAccount::Provider("n6".to_owned()));
    assert_eq!((place, cause.as_str()), (7, "the credit is `provider/n6`, and the inputs give `provider/n0`"));
    let (place, cause) = caught(|transfers| planned(transfers).id = TransferId([7; 16]));
    assert_eq!((place, cause.as_str()), (7, "the inputs of epoch 2 give no `commission` with this id"));
    let (place, cause) = caught(|transfers| drop(transfers.remove(6)));
    assert!(place == TRANSFERS && cause.starts_with("missing before: "), "{place} {cause}");
    let (place, cause) = caught(|transfers| {
        let twice = transfers[6].clone();
        transfers.push(twice);
    });
    assert!(place == TRANSFERS + 1 && cause.ends_with("occurs a second time"), "{place} {cause}");
    let (place, cause) = caught(|transfers| {
        let payer = LedgerAccount::Payer("a".to_owned());
        transfers[0].debit = payer;
    });
    assert_eq!((place, cause.as_str()), (1, "`payer/a` gives 1000000 FROST, which is 1000000 more than it has"));
    let (place, cause) = caught(|transfers| transfers[2].debit = transfers[2].credit.clone());
    assert!(place == 3 && cause.ends_with("pays itself"), "{place} {cause}");
}

#[test]
fn a_log_whose_counts_or_order_are_wrong_is_caught() {
    let changed = |change: fn(&mut Leaf), at: usize| {
        let mut story = Story::honest();
        change(&mut story.sections[1].2[at]);
        caught_in(&story)
    };
    let sequence = |leaf: &mut Leaf| {
        let Leaf::Transfer { sequence, .. } = leaf else { panic!("a transfer") };
        *sequence += 1;
    };
    assert_eq!(changed(sequence, 9), (9, "transfer 105 follows transfer 103".to_owned()));
    let count = |leaf: &mut Leaf| {
        let Leaf::End { transfers, .. } = leaf else { panic!("the end") };
        *transfers += 1;
    };
    let (place, cause) = changed(count, END);
    assert!(place == TRANSFERS + 1 && cause.contains("96 transfers") && cause.contains("there are 95"), "{cause}");
    let begin = |leaf: &mut Leaf| {
        let Leaf::Begin { epoch, .. } = leaf else { panic!("the beginning") };
        *epoch = Epoch(1);
    };
    assert_eq!(changed(begin, 0), (0, "epoch 1 follows epoch 1".to_owned()));
    let late = |leaf: &mut Leaf| {
        let Leaf::End { epoch, .. } = leaf else { panic!("the end") };
        *epoch = Epoch(9);
    };
    assert_eq!(changed(late, END), (TRANSFERS + 1, "epoch 9 ends and has not begun".to_owned()));
    let mut story = Story::honest();
    story.sections[1].2.remove(0);
    assert_eq!(caught_in(&story), (0, "a transfer before the beginning of an epoch".to_owned()));
}

#[test]
fn a_log_that_shows_two_histories_is_caught_by_what_was_seen() {
    let head_of = |story: &Story, sections: usize| {
        let mut frontier = Frontier::default();
        for (_, _, leaves) in &story.sections[..sections] {
            leaves.iter().for_each(|leaf| frontier.push(leaf.hash()));
        }
        signed(&frontier)
    };
    let (honest, other) = (Story::honest(), Story::with_second(|transfers| transfers.swap(0, 1)));
    let files = honest.export();
    assert!(verified(&other.export()).is_good(), "each history is good by itself");
    for sections in 1..=3 {
        assert!(verified_after(&files, vec![head_of(&honest, sections)]).is_good());
    }
    assert!(verified_after(&files, vec![head_of(&other, 1)]).is_good(), "their beginning is the same");
    for sections in 2..=3 {
        assert!(!verified_after(&files, vec![head_of(&other, sections)]).is_good());
    }
    let mut shorter = Story::honest();
    shorter.sections.pop();
    let rolled_back = verified_after(&shorter.export(), vec![head_of(&honest, 3)]);
    assert!(rolled_back.faults[0].cause.contains("has been seen"), "{rolled_back}");
}

#[test]
fn a_leaf_can_be_matched_with_an_opened_name() {
    let story = Story::honest();
    let opening: Opening = super::example::salter()
        .opening(crate::ledger::log::NameKind::Payer, "000000000003")
        .to_string()
        .parse()
        .unwrap();
    let account = LedgerAccount::Payer(opening.published());
    let is_paid_by = |leaf: &&Leaf| matches!(leaf, Leaf::Transfer { transfer, .. } if transfer.debit == account);
    assert_eq!(story.sections[0].2.iter().filter(is_paid_by).count(), 9);
}
