//! The protocol of witnesses.

use proptest::prelude::*;

use crate::ledger::log::note::{
    AddCheckpoint, Checkpoint, NoteKey, NoteSigner, SignatureKind, SignedNote, TreeHead, WitnessAnswer, cosign,
    cosignatures_in,
};
use crate::ledger::log::tree::{Frontier, Hash, consistency_proof, leaf_hash, root_of_range};

const ORIGIN: &str = "log.example/ledger";

fn log() -> NoteSigner {
    NoteSigner::from_seed(ORIGIN.parse().unwrap(), SignatureKind::Ed25519, &[1; 32])
}

fn witness() -> NoteSigner {
    NoteSigner::from_seed("node.example/1".parse().unwrap(), SignatureKind::CosignatureV1, &[2; 32])
}

fn leaves(fork: u8) -> Vec<Hash> {
    (0..20).map(|number| leaf_hash(&[number, if number < 10 { 0 } else { fork }])).collect()
}

fn head(fork: u8, size: usize) -> TreeHead {
    let mut frontier = Frontier::default();
    leaves(fork)[..size].iter().for_each(|leaf| frontier.push(*leaf));
    TreeHead { size: frontier.size(), root: frontier.root() }
}

fn note(head: TreeHead) -> SignedNote {
    let TreeHead { size, root } = head;
    let mut note = Checkpoint { origin: ORIGIN.to_owned(), size, root, extensions: Vec::new() }.note().unwrap();
    note.add(log().sign(note.text(), 0));
    note
}

fn proof(fork: u8, old: u64, size: u64) -> Vec<Hash> {
    let leaves = leaves(fork);
    consistency_proof::<()>(old, size, &|level, index| {
        let from = index << level;
        root_of_range(from..from + (1 << level), &|level, index| {
            let mut frontier = Frontier::default();
            (index << level..(index + 1) << level)
                .for_each(|leaf| frontier.push(leaves[usize::try_from(leaf).unwrap()]));
            Ok(frontier.root())
        })
    })
    .unwrap()
}

fn request(fork: u8, old: u64, size: u64) -> String {
    let head = head(fork, usize::try_from(size).unwrap());
    let hashes: String = proof(fork, old, size).iter().map(|hash| format!("{hash}\n")).collect();
    format!("old {old}\n{hashes}\n{}", note(head))
}

fn answer(body: &str, kept: TreeHead) -> WitnessAnswer {
    let keys = [log().key().clone()];
    cosign(body.as_bytes(), &keys, |origin| if origin == ORIGIN { kept } else { TreeHead::empty() }, &witness(), 99)
}

#[test]
fn a_witness_follows_a_log_that_grows() {
    let mut kept = TreeHead::empty();
    for size in [0, 1, 5, 5, 8, 13, 20] {
        let given = answer(&request(0, kept.size, size), kept);
        let WitnessAnswer::Cosigned { head: cosigned, before, signature } = &given else { panic!("{size}: {given:?}") };
        assert_eq!((*before, *cosigned), (kept, head(0, usize::try_from(size).unwrap())));
        let mut note = note(*cosigned);
        let known: [NoteKey; 1] = [witness().key().clone()];
        let taken = cosignatures_in(&given.body(), &note, &known);
        assert_eq!(taken, std::slice::from_ref(signature));
        note.add(taken[0].clone());
        assert_eq!(note.signed_by(witness().key()), Ok(Some(99)));
        assert_eq!(cosignatures_in(&given.body(), &note, &[log().key().clone()]), [], "of an unknown witness");
        kept = *cosigned;
    }
}

#[test]
fn each_refusal_has_its_status() {
    let kept = head(0, 12);
    let status = |body: &str| answer(body, kept).status();
    assert_eq!(status(&request(0, 12, 15)), 200);
    assert_eq!(status("old 12\n"), 400);
    assert_eq!(status(&request(0, 12, 15).replace("old 12", "old 012")), 400);
    assert_eq!(status(&request(0, 15, 15).replace("old 15", "old 16")), 400, "an old size above the new one");
    let many = request(0, 12, 15).replace("old 12\n", &format!("old 12\n{}", format!("{}\n", kept.root).repeat(63)));
    assert_eq!(status(&many), 400, "more than 63 hashes");
    assert_eq!(answer(&request(0, 8, 15), kept), WitnessAnswer::Conflict(12));
    assert_eq!(answer(&request(0, 8, 15), kept).content_type(), "text/x.tlog.size");
    assert_eq!(answer(&request(0, 8, 15), kept).body(), "12\n");
    assert_eq!(status(&request(0, 8, 10)), 409, "a log that was rolled back");
    assert_eq!(status(&request(1, 12, 15)), 422, "another history");
    assert_eq!(status(&request(1, 12, 12)), 422, "another root of the same size");
    assert_eq!(status(&request(0, 12, 15).replace(ORIGIN, "other.example")), 404);
    let unsigned = request(0, 12, 15).replace(&note(head(0, 15)).signatures()[0].to_string(), "\u{2014} x AAAAAAA=");
    assert_eq!(status(&unsigned), 403);
    let wrong = request(0, 12, 15).replace("ledger\n15", "ledger\n16");
    assert_eq!(status(&wrong), 403, "a signature of another text");

    let empty = TreeHead::empty();
    assert_eq!(answer(&request(0, 0, 15), empty).status(), 200);
    let needless = request(0, 0, 15).replace("old 0\n", &format!("old 0\n{}\n", kept.root));
    assert_eq!(answer(&needless, empty).status(), 422, "a proof from the empty tree");
    let no_tree = format!("old 0\n\n{}", note(TreeHead { size: 0, root: kept.root }));
    assert_eq!(answer(&no_tree, empty).status(), 422, "an empty tree has one root");
}

proptest! {
    #[test]
    fn no_other_history_is_ever_cosigned(kept_size in 10_usize..=20, size in 0_u64..=20, forked in any::<bool>(), old in 0_u64..=20) {
        let kept = head(0, kept_size);
        let fork = u8::from(forked);
        let answer = answer(&request(fork, old, size), kept);
        if let WitnessAnswer::Cosigned { head: cosigned, .. } = answer {
            prop_assert!(cosigned.size >= kept.size && (!forked || kept_size == 10));
        }
    }

    #[test]
    fn a_request_is_read_as_it_was_written(old in 1_u64..=20, at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let body = request(0, old, 20);
        let read = AddCheckpoint::read(body.as_bytes()).unwrap();
        prop_assert_eq!(read.to_string(), body.clone());
        let mut bytes = body.into_bytes();
        let index = at.index(bytes.len());
        bytes[index] ^= flip;
        if let Ok(other) = AddCheckpoint::read(&bytes) {
            prop_assert_eq!(other.to_string().into_bytes(), bytes);
        }
    }
}
