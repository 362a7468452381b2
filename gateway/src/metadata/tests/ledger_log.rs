//! The published log: epochs are appended once and in order, whoever tries, what is there stays, and what comes out verifies.

use std::collections::BTreeMap;

use codec::{ClusterId, ClusterKey};

use crate::clock::Ambient;
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode, TransferId};
use crate::ledger::log::Exporter;
use crate::ledger::log::note::{Policy, SignedNote};
use crate::ledger::log::verify::{Plan, PlannedEpoch, Report, Verification, verify};
use crate::ledger::{Entry, Phase};
use crate::metadata::engine::statement::Statement;
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::{LogEnd, MetadataStore, SettledEpoch};
use crate::publication::{LogKeys, Posted, PublicationError, Published, publish, publish_epoch};

const CLUSTER: ClusterId = ClusterId([5; 16]);

fn settled(epoch: u64, inputs: &[u8], through: u64) -> SettledEpoch {
    SettledEpoch { epoch: Epoch(epoch), inputs: inputs.to_vec(), through }
}

async fn keys(store: &MetadataStore, key: &ClusterKey) -> Result<LogKeys, PublicationError> {
    LogKeys::find(store, CLUSTER, key, &Ambient::system()).await
}

/// Money enters for payers, so many times.
fn posted(epoch: u64, count: u8) -> Posted {
    let credit = |number: u8| Transfer {
        id: TransferId([number, u8::try_from(epoch).unwrap(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        book: Book::On,
        debit: LedgerAccount::Outside,
        credit: LedgerAccount::Payer("acme".to_owned()),
        amount: Frost(u64::from(number) + 1),
        code: TransferCode::Credit,
        epoch: Epoch(epoch),
        cause: "wire 17".to_owned(),
    };
    Posted { transfers: (0..count).map(credit).collect(), through: epoch * 100 }
}

async fn append(store: &MetadataStore, keys: &LogKeys, epoch: u64, count: u8) -> Result<Published, PublicationError> {
    let end = store.log_end().await.unwrap();
    let inputs = format!("inputs of {epoch}\n").into_bytes();
    publish_epoch(store, keys, end, (Epoch(epoch), inputs), posted(epoch, count)).await
}

/// Reads the whole log as an export does, and verifies it.
async fn verified(store: &MetadataStore, keys: &LogKeys) -> Report {
    verified_with(store, keys, &|_| Ok(PlannedEpoch::default())).await
}

/// The report on what was published, exported as anybody gets it.
pub(super) async fn verified_with(store: &MetadataStore, keys: &LogKeys, plan: Plan<'_>) -> Report {
    let mut files = BTreeMap::new();
    let mut exporter = Exporter::new(|path: &str, content: &[u8]| {
        files.insert(path.to_owned(), content.to_vec());
        Ok::<_, std::convert::Infallible>(())
    });
    let end = store.log_end().await.unwrap();
    let mut from = 0;
    while from < end.size {
        for leaf in store.log_leaves(from, 100).await.unwrap() {
            exporter.leaf(leaf.as_bytes()).unwrap();
            from += 1;
        }
    }
    for checkpoint in store.log_checkpoints(0, 100).await.unwrap() {
        let inputs = store.log_inputs(checkpoint.epoch).await.unwrap().unwrap();
        exporter.inputs(Epoch(checkpoint.epoch), &inputs).unwrap();
        exporter.checkpoint(&SignedNote::read(checkpoint.note.as_bytes()).unwrap()).unwrap();
    }
    exporter.finish(&keys.policy()).unwrap();
    let policy = Some(Policy::read(keys.policy().as_bytes()).unwrap());
    verify(&files, Verification { policy, seen: Vec::new(), plan: Some(plan) })
}

both! {
    async fn what_is_published_verifies(f: &Fixture) {
        let keys = keys(&f.store, &ClusterKey::new(1, [1; 32])).await.unwrap();
        assert_eq!(f.store.log_end().await.unwrap(), LogEnd::default());
        assert_eq!(f.store.log_checkpoint().await.unwrap(), None);
        for (epoch, count) in [(3, 5), (4, 0), (5, 255), (6, 120)] {
            assert!(matches!(append(&f.store, &keys, epoch, count).await.unwrap(), Published::Now(_)));
        }
        let report = verified(&f.store, &keys).await;
        assert!(report.is_good(), "{report}");
        assert_eq!((report.transfers, report.checkpoints), (380, 5));
        assert_eq!(report.epochs, Some((Epoch(3), Epoch(6))));
        let end = f.store.log_end().await.unwrap();
        assert_eq!((end.size, end.epoch, end.through, end.transfers), (388, 6, 600, 380));
        let all = f.store.log_leaves(0, 1_000).await.unwrap().join("\n");
        assert!(!all.contains("acme") && !all.contains("wire"), "names are salted");
    }

    async fn an_epoch_is_published_once_and_in_order(f: &Fixture) {
        let keys = keys(&f.store, &ClusterKey::new(1, [1; 32])).await.unwrap();
        let empty = f.store.log_end().await.unwrap();
        assert!(matches!(append(&f.store, &keys, 1, 2).await.unwrap(), Published::Now(_)));
        assert_eq!(append(&f.store, &keys, 1, 2).await.unwrap(), Published::Before);
        let gap = append(&f.store, &keys, 3, 1).await;
        assert!(matches!(gap, Err(PublicationError::Order { epoch: 3, last: 1 })));
        let late = publish_epoch(&f.store, &keys, empty, (Epoch(1), Vec::new()), posted(1, 9)).await;
        assert_eq!(late.unwrap(), Published::Overtaken, "it looked before the other appended");

        let other = f.other_gateway_or_self().await;
        let (one, two) = tokio::join!(append(&f.store, &keys, 2, 3), append(&other, &keys, 2, 3));
        let now = [one, two].into_iter().filter(|done| matches!(done, Ok(Published::Now(_)))).count();
        assert_eq!(now, 1, "one of two gateways publishes");
        let report = verified(&f.store, &keys).await;
        assert!(report.is_good() && report.transfers == 5, "{report}");
    }

    async fn what_was_published_stays(f: &Fixture) {
        let keys = keys(&f.store, &ClusterKey::new(1, [1; 32])).await.unwrap();
        append(&f.store, &keys, 1, 2).await.unwrap();
        for text in [
            "UPDATE ledger_leaf SET leaf = 'x'",
            "DELETE FROM ledger_leaf",
            "DELETE FROM ledger_checkpoint",
        ] {
            assert!(f.store.database().plain_writer().await.execute(Statement::new(text)).await.is_err(), "{text}");
        }
        assert!(verified(&f.store, &keys).await.is_good());
        let before = f.store.log_checkpoint().await.unwrap().unwrap();
        assert!(f.store.cosign_log_checkpoint(&before, "more").await.unwrap());
        assert!(!f.store.cosign_log_checkpoint(&before, "other").await.unwrap(), "it is another by now");
        assert_eq!(f.store.log_checkpoint().await.unwrap().unwrap().note, "more");
    }

    async fn the_log_keeps_its_key_when_the_cluster_key_is_replaced(f: &Fixture) {
        let (old, both) = (ClusterKey::new(1, [1; 32]), ClusterKey::new(2, [2; 32]).beside(vec![ClusterKey::new(1, [1; 32])]));
        let first = keys(&f.store, &old).await.unwrap();
        let policy = first.policy();
        assert_eq!(keys(&f.store, &both).await.unwrap().policy(), policy);
        assert!(keys(&f.store, &ClusterKey::new(2, [2; 32])).await.is_err(), "not resealed yet");
        let sealed = f.store.log_secrets().await.unwrap().unwrap().sealed;
        let opened = both.open(crate::publication::SEALED_FOR, b"", &sealed).unwrap();
        let resealed = both.seal(crate::publication::SEALED_FOR, b"", &opened, [9; 12]);
        f.store.reseal_log_secrets(&sealed, &resealed).await.unwrap();
        let alone = keys(&f.store, &ClusterKey::new(2, [2; 32])).await.unwrap();
        assert_eq!(alone.policy(), policy);
        append(&f.store, &alone, 1, 1).await.unwrap();
        assert!(verified(&f.store, &first).await.is_good());
    }

    async fn what_moves_is_published_and_what_is_only_reserved_is_not(f: &Fixture) {
        let keys = keys(&f.store, &ClusterKey::new(1, [1; 32])).await.unwrap();
        let credit = posted(1, 1).transfers.remove(0);
        let transfer = |id: u8, amount: u64| Transfer {
            id: TransferId([id; 16]),
            debit: credit.credit.clone(),
            credit: LedgerAccount::Provider("n1".to_owned()),
            amount: Frost(amount),
            // An operator's reference counts once.
            cause: format!("statement {id}"),
            ..credit.clone()
        };
        let money = Transfer { amount: Frost(1_000), ..credit.clone() };
        let phased = |transfer, phase| Entry { transfer, phase, linked: false };
        let pending = Phase::Pending { timeout_micros: None };
        let batch = vec![
            Entry::posted(money),
            phased(transfer(1, 100), pending),
            phased(transfer(2, 200), pending),
            phased(transfer(3, 70), Phase::PostPending(TransferId([1; 16]))),
            phased(transfer(4, 200), Phase::VoidPending(TransferId([2; 16]))),
        ];
        assert!(f.store.post(batch).await.unwrap().iter().all(|outcome| outcome.stands()));
        assert!(matches!(publish(&f.store, &keys, &settled(1, b"inputs", 5)).await.unwrap(), Published::Now(_)));
        assert_eq!(publish(&f.store, &keys, &settled(1, b"inputs", 5)).await.unwrap(), Published::Before);
        let end = f.store.log_end().await.unwrap();
        assert_eq!((end.transfers, end.through), (2, 5));
        let leaves = f.store.log_leaves(0, 10).await.unwrap();
        assert!(leaves[2].contains(" provider/n1 70 reference/"), "{leaves:?}");
        f.store.post(vec![Entry::posted(transfer(5, 30))]).await.unwrap();
        assert!(matches!(publish(&f.store, &keys, &settled(2, b"others", 6)).await.unwrap(), Published::Now(_)));
        let report = verified(&f.store, &keys).await;
        assert!(report.is_good() && report.transfers == 3, "{report}");
    }
}
