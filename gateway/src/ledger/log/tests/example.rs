//! A small log with rules of its own: inputs are lines of `bucket payer provider amount`, and each costs its payer and rewards its
//! provider, by way of the escrow.

use std::collections::BTreeMap;

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode, TransferId};
use crate::ledger::log::note::{Checkpoint, NoteSigner, Policy, SignatureKind, SignedNote};
use crate::ledger::log::tree::Frontier;
use crate::ledger::log::verify::{PlannedEpoch, Report, Verification, verify};
use crate::ledger::log::{Exporter, Leaf, NameKind, Salter, section};

pub(super) const ORIGIN: &str = "log.example/ledger";
pub(super) const EPOCHS: u64 = 3;
/// Buckets of each epoch: with two transfers each and seven leaves besides, three epochs fill more than a tile.
const BUCKETS: u64 = 45;
/// Transfers of each epoch.
pub(super) const TRANSFERS: u64 = 2 * BUCKETS + 5;

pub(super) fn log() -> NoteSigner {
    NoteSigner::from_seed(ORIGIN.parse().unwrap(), SignatureKind::Ed25519, &[1; 32])
}

pub(super) fn witness() -> NoteSigner {
    NoteSigner::from_seed("node.example/1".parse().unwrap(), SignatureKind::CosignatureV1, &[2; 32])
}

pub(super) fn policy_text() -> String {
    format!("log {}\nwitness node {}\nquorum node\n", log().key(), witness().key())
}

fn id(parts: &str) -> TransferId {
    TransferId(*blake3::hash(parts.as_bytes()).as_bytes().first_chunk().unwrap())
}

/// The rules of the example.
pub(super) fn plan(inputs: &[u8]) -> Result<Vec<Transfer>, String> {
    let text = std::str::from_utf8(inputs).map_err(|error| error.to_string())?;
    let (head, lines) = text.split_once('\n').ok_or("empty")?;
    let epoch = Epoch(head.strip_prefix("epoch ").and_then(|number| number.parse().ok()).ok_or("no epoch")?);
    let mut transfers = Vec::new();
    for line in lines.lines() {
        let [bucket, payer, provider, amount] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("`{line}`"));
        };
        let amount = Frost(amount.parse().map_err(|_| "no amount")?);
        let escrow = LedgerAccount::Escrow(epoch);
        let payer = LedgerAccount::Payer(payer.to_owned());
        let provider = LedgerAccount::Provider(provider.to_owned());
        let steps = [(TransferCode::Storage, payer, escrow.clone()), (TransferCode::Commission, escrow, provider)];
        for (code, debit, credit) in steps {
            let id = id(&format!("{epoch} {bucket} {}", code.as_str()));
            let (book, cause) = (Book::On, format!("bucket/{bucket}"));
            transfers.push(Transfer { id, book, debit, credit, amount, code, epoch, cause });
        }
    }
    Ok(transfers)
}

pub(super) fn planned_epoch(inputs: &[u8]) -> Result<PlannedEpoch, String> {
    plan(inputs).map(Into::into)
}

pub(super) fn salter() -> Salter {
    Salter::new([9; 32])
}

fn payer(number: u64) -> String {
    salter().salted(NameKind::Payer, &format!("{number:012}"))
}

/// Money enters for the payers.
fn credits(epoch: Epoch) -> Vec<Transfer> {
    let credit = |number: u64| {
        let transfer = Transfer {
            id: id(&format!("credit {epoch} {number}")),
            book: Book::On,
            debit: LedgerAccount::Outside,
            credit: LedgerAccount::Payer(format!("{number:012}")),
            amount: Frost(1_000_000),
            code: TransferCode::Credit,
            epoch,
            cause: format!("Rechnung {number} für März"),
        };
        salter().transfer(&transfer)
    };
    (0..5).map(credit).collect()
}

pub(super) fn inputs(epoch: Epoch) -> Vec<u8> {
    let line = |bucket: u64| {
        let name = salter().salted(NameKind::Bucket, &bucket.to_string());
        format!("{name} {} n{} {}\n", payer(bucket % 5), bucket % 7, 100 * epoch.0 + bucket)
    };
    let lines: String = (0..BUCKETS).map(line).collect();
    format!("epoch {epoch}\n{lines}").into_bytes()
}

/// The files of an export.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// What a log says, before it is signed: a forger changes it here.
pub(super) struct Story {
    pub(super) sections: Vec<(Epoch, Vec<u8>, Vec<Leaf>)>,
}

impl Story {
    /// The honest one.
    pub(super) fn honest() -> Self {
        let mut next = 1;
        let section_of = |number: u64| {
            let (epoch, inputs) = (Epoch(number), inputs(Epoch(number)));
            let transfers = [credits(epoch), plan(&inputs).unwrap()].concat();
            let first = next;
            next += u64::try_from(transfers.len()).unwrap();
            let leaves = section(epoch, &inputs, first, transfers);
            (epoch, inputs, leaves)
        };
        Self { sections: (1..=EPOCHS).map(section_of).collect() }
    }

    /// One with other transfers in its second epoch, whose counts are right.
    pub(super) fn with_second(change: impl FnOnce(&mut Vec<Transfer>)) -> Self {
        let mut story = Self::honest();
        let transfers_of = |leaves: &[Leaf]| {
            let transfer = |leaf: &Leaf| match leaf {
                Leaf::Transfer { transfer, .. } => Some(transfer.clone()),
                _ => None,
            };
            leaves.iter().filter_map(transfer).collect::<Vec<_>>()
        };
        let all: Vec<_> = story.sections.iter().map(|(_, _, leaves)| transfers_of(leaves)).collect();
        let mut second = all[1].clone();
        change(&mut second);
        let first = 1 + u64::try_from(all[0].len()).unwrap();
        let after = first + u64::try_from(second.len()).unwrap();
        let (epoch, inputs, leaves) = &mut story.sections[1];
        *leaves = section(*epoch, inputs, first, second);
        let (epoch, inputs, leaves) = &mut story.sections[2];
        *leaves = section(*epoch, inputs, after, all[2].clone());
        story
    }

    /// The export, with checkpoints that the log has signed and a witness cosigned.
    pub(super) fn export(&self) -> Files {
        let (mut files, mut frontier) = (Files::new(), Frontier::default());
        let mut exporter = Exporter::new(|path: &str, content: &[u8]| {
            assert!(files.insert(path.to_owned(), content.to_vec()).is_none(), "{path} twice");
            Ok::<_, std::convert::Infallible>(())
        });
        for (epoch, inputs, leaves) in &self.sections {
            for leaf in leaves {
                exporter.leaf(leaf.to_string().as_bytes()).unwrap();
                frontier.push(leaf.hash());
            }
            exporter.inputs(*epoch, inputs).unwrap();
            exporter.checkpoint(&signed(&frontier)).unwrap();
        }
        exporter.finish(&policy_text()).unwrap();
        files
    }
}

pub(super) fn signed(frontier: &Frontier) -> SignedNote {
    let (origin, size, root) = (ORIGIN.to_owned(), frontier.size(), frontier.root());
    let mut note = Checkpoint { origin, size, root, extensions: Vec::new() }.note().unwrap();
    note.add(log().sign(note.text(), 0));
    note.add(witness().sign(note.text(), 1_000 + size));
    note
}

pub(super) fn verified(files: &Files) -> Report {
    verified_after(files, Vec::new())
}

pub(super) fn verified_after(files: &Files, seen: Vec<SignedNote>) -> Report {
    let policy = Some(Policy::read(policy_text().as_bytes()).unwrap());
    verify(files, Verification { policy, seen, plan: Some(&planned_epoch) })
}
