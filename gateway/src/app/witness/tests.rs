//! A witness over its folder.

use std::collections::BTreeMap;
use std::path::Path;

use backends::node::identity::create_key;
use zeroize::Zeroizing;

use super::allowed_logs::{AllowedLog, AllowedLogs};
use super::answer::Answer;
use super::kept_log::KeptLog;
use super::server::WitnessServer;
use super::witness_key::make_key;
use crate::clock::Ambient;
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::price::Prices;
use crate::domain::money::transfer::{Transfer, TransferCode, TransferId};
use crate::ledger::log::note::{
    Checkpoint, NoteSigner, SignatureKind, SignedNote, TreeHead, WitnessRefusal, cosignatures_in,
};
use crate::ledger::log::tree::{Frontier, Hash, consistency_proof, leaf_hash};
use crate::ledger::log::verify::{Claims, PlannedEpoch};
use crate::ledger::log::{encode_section, section};

/// A log whose leaves a test says.
struct Log {
    signer: NoteSigner,
    leaves: Vec<String>,
}

fn transfer(epoch: u64, amount: u64) -> Transfer {
    Transfer {
        id: TransferId([u8::try_from(epoch).unwrap(); 16]),
        book: Book::Track,
        debit: LedgerAccount::Outside,
        credit: LedgerAccount::Burn,
        amount: Frost(amount),
        code: TransferCode::Storage,
        epoch: Epoch(epoch),
        cause: String::new(),
    }
}

/// The inputs are the number of the epoch, and give one transfer of 5 FROST. What may follow is owed from before; the number is owed then, and is
/// the shares of a stake.
fn plan(inputs: &[u8]) -> Result<PlannedEpoch, String> {
    let number = inputs[0];
    let owed = |amount: u8| BTreeMap::from([("owed n1".to_owned(), amount.to_string())]);
    let shares = u128::MAX - u128::from(number);
    let claims = Claims {
        book: Book::Track,
        prices: Prices { storage: Frost(100), ..Prices::default() },
        balances: [(LedgerAccount::Burn, Frost(5 * (u64::from(number) - 1)))].into(),
        balances_least: BTreeMap::new(),
        before: inputs.get(1).map(|amount| owed(*amount)).unwrap_or_default(),
        after: owed(number),
        shares_before: (number > 1).then(|| ("anna".to_owned(), shares + 1)).into_iter().collect(),
        shares_after: [("anna".to_owned(), Some(shares))].into(),
    };
    let claims = (inputs.len() > 1 || number == 1).then_some(claims);
    Ok(PlannedEpoch { transfers: vec![transfer(u64::from(number), 5)], claims })
}

impl Log {
    fn new() -> Self {
        let signer = NoteSigner::from_seed("log.example/l".parse().unwrap(), SignatureKind::Ed25519, &[3; 32]);
        Self { signer, leaves: Vec::new() }
    }

    fn size(&self) -> u64 {
        u64::try_from(self.leaves.len()).unwrap()
    }

    /// Appends an epoch; the size before, and its body.
    fn append(&mut self, epoch: u64, amount: u64) -> (u64, Vec<u8>) {
        self.append_with(epoch, amount, &[u8::try_from(epoch).unwrap()])
    }

    fn append_with(&mut self, epoch: u64, amount: u64, inputs: &[u8]) -> (u64, Vec<u8>) {
        let old = self.size();
        let leaves: Vec<String> = section(Epoch(epoch), inputs, epoch, vec![transfer(epoch, amount)])
            .iter()
            .map(ToString::to_string)
            .collect();
        let body = encode_section(inputs, &leaves).unwrap();
        self.leaves.extend(leaves);
        (old, body)
    }

    fn head(&self) -> TreeHead {
        let mut tree = Frontier::default();
        self.leaves.iter().for_each(|leaf| tree.push(leaf_hash(leaf.as_bytes())));
        TreeHead { size: tree.size(), root: tree.root() }
    }

    fn note(&self) -> SignedNote {
        let TreeHead { size, root } = self.head();
        let origin = self.signer.key().name.to_string();
        let mut note = Checkpoint { origin, size, root, extensions: Vec::new() }.note().unwrap();
        note.add(self.signer.sign(note.text(), 0));
        note
    }

    fn request(&self, old: u64) -> Vec<u8> {
        let subtree = |level: u8, index: u64| -> Result<Hash, ()> {
            let mut tree = Frontier::default();
            for leaf in index << level..(index + 1) << level {
                tree.push(leaf_hash(self.leaves[usize::try_from(leaf).unwrap()].as_bytes()));
            }
            Ok(tree.root())
        };
        let proof = consistency_proof(old, self.size(), &subtree).unwrap();
        let hashes: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
        format!("old {old}\n{hashes}\n{}", self.note()).into_bytes()
    }
}

fn server(data: &Path) -> WitnessServer {
    WitnessServer::new(data, make_key(data).unwrap(), Ambient::system())
}

fn node() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    create_key(folder.path(), &Zeroizing::new([9; 32])).unwrap();
    folder
}

fn give(server: &WitnessServer, log: &Log, (old, body): &(u64, Vec<u8>)) -> Answer {
    match server.expect_section(log.note().to_string().as_bytes(), *old) {
        Ok(checkpoint) => server.add_section(&checkpoint, body, &plan),
        Err(answer) => answer,
    }
}

#[test]
fn it_cosigns_what_it_recomputed_and_remembers_it() {
    let (folder, mut log) = (node(), Log::new());
    let data = folder.path();
    let first = log.append(1, 5);
    assert_eq!(server(data).add_checkpoint(&log.request(0)).status, 404, "the log is not known");
    assert_eq!(give(&server(data), &log, &first).status, 404);
    AllowedLogs::allow(data, AllowedLog { key: log.signer.key().clone(), is_recomputed: true }).unwrap();
    assert_eq!(server(data).add_checkpoint(b"old 0\n").status, 400);
    assert_eq!(server(data).add_checkpoint(&log.request(0)), Answer::size(412, 0), "it has recomputed nothing");
    assert_eq!(give(&server(data), &log, &first), Answer::size(200, 3));
    assert_eq!(give(&server(data), &log, &first), Answer::size(409, 3), "it goes on from there");
    let cosigned = server(data).add_checkpoint(&log.request(0));
    assert_eq!(cosigned.status, 200);
    let key = make_key(data).unwrap().key().clone();
    assert_eq!(cosignatures_in(cosigned.body(), &log.note(), &[key]).len(), 1);
    // Each of these is a process of its own: what was cosigned is on the disk.
    assert_eq!(server(data).add_checkpoint(&log.request(0)), Answer::size(409, 3));
    let second = log.append(2, 5);
    assert_eq!(server(data).add_checkpoint(&log.request(3)), Answer::size(412, 3));
    assert_eq!(give(&server(data), &log, &second), Answer::size(200, 6));
    assert_eq!(server(data).add_checkpoint(&log.request(3)).status, 200);

    let mut other = Log::new();
    other.signer = NoteSigner::from_seed("log.example/l".parse().unwrap(), SignatureKind::Ed25519, &[4; 32]);
    other.append(1, 5);
    assert_eq!(server(data).add_checkpoint(&other.request(0)).status, 403, "another key of that name");
    assert!(AllowedLogs::revoke(data, "log.example/l").unwrap());
    assert_eq!(server(data).add_checkpoint(&log.request(6)).status, 404);
}

#[test]
fn forged_history_is_refused_and_the_refusal_is_signed_and_kept() {
    let (folder, mut log) = (node(), Log::new());
    let data = folder.path();
    AllowedLogs::allow(data, AllowedLog { key: log.signer.key().clone(), is_recomputed: true }).unwrap();
    let first = log.append(1, 5);
    give(&server(data), &log, &first);
    let forged = log.append(2, 6);
    let refused = give(&server(data), &log, &forged);
    assert_eq!(refused.status, 422);
    let note = SignedNote::read(refused.body().as_bytes()).unwrap();
    let refusal: WitnessRefusal = note.text().parse().unwrap();
    assert!(refusal.reason.contains("the amount is `6`, and the inputs give `5`"), "{refusal:?}");
    assert_eq!((refusal.size, refusal.root), (log.head().size, log.head().root));
    assert!(note.signed_by(make_key(data).unwrap().key()).unwrap().is_some());
    assert_eq!(give(&server(data), &log, &forged).body(), refused.body(), "once, and the same");
    assert_eq!(server(data).add_checkpoint(&log.request(0)), Answer::size(412, 3), "and it is never cosigned");
    let published: serde_json::Value = serde_json::from_str(server(data).refusals().body()).unwrap();
    assert_eq!(published["refusals"][0], refused.body());

    // A section that is not the log's says nothing about it.
    log.leaves.truncate(3);
    let (old, body) = log.append(2, 5);
    let broken = body[..body.len() - 1].to_vec();
    assert_eq!(give(&server(data), &log, &(old, broken)).status, 400);
    assert_eq!(give(&server(data), &log, &(old, body)).status, 200);
}

#[test]
fn an_epoch_that_does_not_begin_with_what_the_one_before_left_is_refused() {
    let (folder, mut log) = (node(), Log::new());
    let data = folder.path();
    AllowedLogs::allow(data, AllowedLog { key: log.signer.key().clone(), is_recomputed: true }).unwrap();
    // Each is read by a process of its own.
    for epoch in 1..4 {
        let inputs = [epoch, epoch - 1];
        let section = log.append_with(epoch.into(), 5, if epoch == 1 { &inputs[..1] } else { &inputs });
        assert_eq!(give(&server(data), &log, &section), Answer::size(200, u64::from(epoch) * 3));
    }
    assert_eq!(server(data).add_checkpoint(&log.request(0)).status, 200);
    let forged = log.append_with(4, 5, &[4, 2]);
    let refused = give(&server(data), &log, &forged);
    assert_eq!(refused.status, 422);
    assert!(refused.body().contains("`owed n1` is `2`, and the epoch before left it `3`"), "{}", refused.body());
    log.leaves.truncate(9);
    let honest = log.append_with(4, 5, &[4, 3]);
    assert_eq!(give(&server(data), &log, &honest), Answer::size(200, 12));
}

#[test]
fn what_an_earlier_build_recomputed_is_recomputed_once_more() {
    let (folder, mut log) = (node(), Log::new());
    let data = folder.path();
    AllowedLogs::allow(data, AllowedLog { key: log.signer.key().clone(), is_recomputed: true }).unwrap();
    let first = log.append(1, 5);
    give(&server(data), &log, &first);
    assert_eq!(server(data).add_checkpoint(&log.request(0)).status, 200);
    let file = std::fs::read_dir(data.join("witness")).unwrap().map(|file| file.unwrap().path());
    let file = file.into_iter().find(|path| path.extension().is_none()).unwrap();
    let mut kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let fields = kept.as_object_mut().unwrap();
    fields.remove("ledger").unwrap();
    fields.extend([("epoch".to_owned(), 1.into()), ("sequence".to_owned(), 1.into())]);
    std::fs::write(&file, kept.to_string()).unwrap();
    assert_eq!(KeptLog::read(data, "log.example/l").unwrap().cosigned, log.head());
    let second = log.append_with(2, 5, &[2, 1]);
    assert_eq!(give(&server(data), &log, &second), Answer::size(409, 0));
    let all = std::mem::take(&mut log.leaves);
    log.leaves = all[..3].to_vec();
    assert_eq!(give(&server(data), &log, &first), Answer::size(200, 3));
    log.leaves = all;
    assert_eq!(give(&server(data), &log, &second), Answer::size(200, 6));
    assert_eq!(server(data).add_checkpoint(&log.request(3)).status, 200);
}

#[test]
fn a_fork_is_refused_and_published() {
    for is_recomputed in [true, false] {
        let (folder, mut log) = (node(), Log::new());
        let data = folder.path();
        AllowedLogs::allow(data, AllowedLog { key: log.signer.key().clone(), is_recomputed }).unwrap();
        let first = log.append(1, 5);
        if is_recomputed {
            give(&server(data), &log, &first);
        }
        assert_eq!(server(data).add_checkpoint(&log.request(0)).status, 200);
        let mut fork = Log::new();
        fork.append(2, 5);
        assert_eq!(fork.size(), log.size());
        assert_eq!(server(data).add_checkpoint(&fork.request(3)).status, 422);
        let published: serde_json::Value = serde_json::from_str(server(data).refusals().body()).unwrap();
        let note = SignedNote::read(published["refusals"][0].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(note.text().parse::<WitnessRefusal>().unwrap().root, fork.head().root);
        assert_eq!(server(data).add_checkpoint(&log.request(3)).status, 200, "the tree that it knows");
    }
}
