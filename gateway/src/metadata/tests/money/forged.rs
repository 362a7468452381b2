//! A log whose operator publishes facts that are not the ledger's, or not what the epoch before left: every transfer follows from them, and whoever
//! verifies the log finds the facts, and so does a witness before it cosigns.

use std::sync::Arc;

use async_trait::async_trait;

use super::charged_epochs::{WAL, begin, end, held, judge, keys, paying_bucket, register, settler, stake};
use crate::domain::money::account::LedgerAccount;
use crate::domain::money::frost::Frost;
use crate::ledger::log::decode_section;
use crate::ledger::log::note::Checkpoint;
use crate::ledger::log::verify::{GivenSection, RecomputeError, RecomputedHead, recompute};
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::tests::ledger_log::verified_with;
use crate::metadata::{MetadataStore, ProviderAccount, Settlement, SettlementFacts};
use crate::publication::{Published, publish, section_after};
use crate::settlement::{Network, NetworkError, planned_epoch};

type Lie = fn(&mut SettlementFacts);

/// The ledger, with a lie in what it says of itself.
#[derive(Debug)]
struct Lying(MetadataStore, Lie);

#[async_trait]
impl Network for Lying {
    async fn facts(&self) -> Result<Option<SettlementFacts>, NetworkError> {
        let mut facts = self.0.facts().await?;
        facts.iter_mut().for_each(self.1);
        Ok(facts)
    }

    async fn apply(&self, settlement: Settlement) -> Result<bool, NetworkError> {
        self.0.apply(settlement).await
    }
}

fn funds(facts: &mut SettlementFacts, which: fn(&LedgerAccount) -> bool) -> &mut Frost {
    facts.funds.iter_mut().find(|(account, _)| which(account)).unwrap().1
}

fn b1(facts: &mut SettlementFacts) -> &mut ProviderAccount {
    facts.providers.get_mut("b1").unwrap()
}

/// What a verifier says, and of which lie. The price comes last: the honest one after it is as far away.
const LIES: [(&str, Lie); 9] = [
    ("`repair-fund` is said to have", |facts| funds(facts, |account| *account == LedgerAccount::RepairFund).0 -= 1),
    ("`payer/", |facts| funds(facts, |account| matches!(account, LedgerAccount::Payer(_))).0 -= 1),
    ("`holdback/b2` is said to have", |facts| {
        funds(facts, |account| *account == LedgerAccount::Holdback("b2".to_owned())).0 -= 1;
    }),
    ("`owed b1` is `5`, and the epoch before left it not there", |facts| b1(facts).owed = Frost(5)),
    ("`half-returned b1` is `yes`", |facts| b1(facts).is_half_returned = true),
    ("is not there, and the epoch before left it `", |facts| facts.open_periods.clear()),
    ("`pool b1` is `", |facts| facts.stakes.pools.get_mut("b1").unwrap().wal.0 -= 1),
    ("`shares stake-", |facts| facts.stakes.own[0].shares += 1),
    ("do not move that far in a step", |facts| facts.epoch.prices.storage.0 *= 2),
];

/// An epoch in which b1 is not audited, so that its period waits.
async fn audited(f: &Fixture) {
    judge(f, "b2", "passed", "{}").await;
    judge(f, "b3", "passed", "{}").await;
    end(f).await;
}

/// Why a witness that is given epoch after epoch goes no further.
async fn refused_by_a_witness(store: &MetadataStore) -> String {
    let mut head = RecomputedHead::default();
    while let Some(section) = section_after(store, head.tree.size()).await.unwrap() {
        let (checkpoint, _) = Checkpoint::read(section.note.as_bytes()).unwrap();
        let (inputs, leaves) = decode_section(&section.body).unwrap();
        match recompute(&head, &checkpoint, GivenSection { inputs, leaves: &leaves }, &planned_epoch) {
            Ok(recomputed) => head = recomputed,
            Err(RecomputeError::Wrong(reason)) => return reason,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("it has recomputed all")
}

both! {
    async fn facts_that_are_not_the_ledgers_are_found(f: &Fixture) {
        paying_bucket(f).await;
        register(f, "b1", 1_000).await;
        stake(f, "b1-owner", "b1", 2 * WAL).await;
        stake(f, "anna", "b1", 5 * WAL).await;
        audited(f).await;
        let honest = settler(f).await;
        let mut epoch = honest.settle(&held()).await.unwrap().unwrap();
        let mut found = Vec::new();
        for (says, lie) in LIES {
            begin(f).await;
            audited(f).await;
            let lying = settler(f).await.over(Arc::new(Lying(f.store.clone(), lie)));
            epoch = epoch.next();
            assert_eq!(lying.settle(&held()).await.unwrap(), Some(epoch), "{says}");
            found.push((format!("inputs/{epoch}"), says));
            // An honest one, which begins with what is there.
            if says.starts_with("do not") {
                break;
            }
            begin(f).await;
            audited(f).await;
            epoch = epoch.next();
            assert_eq!(honest.settle(&held()).await.unwrap(), Some(epoch), "after {says}");
        }
        let keys = keys(f).await;
        while let Some(settled) = f.store.settlement_to_publish().await.unwrap() {
            assert!(matches!(publish(&f.store, &keys, &settled).await.unwrap(), Published::Now(_)));
        }
        let report = verified_with(&f.store, &keys, &planned_epoch).await;
        for (file, says) in &found {
            let is_found = report.faults.iter().any(|fault| fault.file == *file && fault.cause.contains(says));
            assert!(is_found, "{file}: {says}: {report}");
        }
        let refused = refused_by_a_witness(&f.store).await;
        assert!(refused.contains(found[0].1), "a witness finds the first, and says the same: {refused}");
        let others = report.faults.iter().filter(|fault| found.iter().all(|(file, _)| fault.file != *file));
        assert_eq!(others.map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    }
}
