//! Every parser of the log, for the fuzz targets of `tests/fuzz`: whatever is read must be written the same, and nobody's
//! signature is ever forged.

#![expect(clippy::missing_panics_doc, reason = "panics are what the fuzzer looks for")]

use std::collections::BTreeMap;

use crate::ledger::log::decode_section;
use crate::ledger::log::note::{
    AddCheckpoint, Checkpoint, NoteKey, NoteSigner, Policy, ProofFile, SignatureKind, SignedNote, TreeHead,
    WitnessAnswer, WitnessRefusal, cosign, cosignatures_in,
};
use crate::ledger::log::tree::{TilePath, decode_bundle, decode_hashes, encode_bundle, encode_hashes};
use crate::ledger::log::verify::{Verification, verify};
use crate::ledger::log::{Leaf, Opening, proven_leaf};

fn key(kind: SignatureKind) -> NoteSigner {
    NoteSigner::from_seed("log.example".parse().expect("a name"), kind, b"a seed that only the probes know")
}

/// Notes, checkpoints, keys, proofs in files, leaves, opened names and paths of tiles.
pub fn log_texts(bytes: &[u8]) {
    let known = key(SignatureKind::Ed25519);
    if let Ok(note) = SignedNote::read(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
        assert_ne!(note.signed_by(known.key()), Ok(Some(0)), "a signature that nobody made");
        drop(cosignatures_in(&note.to_string(), &note, &[]));
    }
    if let Ok((checkpoint, note)) = Checkpoint::read(bytes) {
        assert_eq!(checkpoint.to_string(), note.text());
    }
    if let Ok(proof) = ProofFile::read(bytes) {
        assert_eq!(proof.to_string().as_bytes(), bytes);
    }
    assert!(proven_leaf(bytes, &Policy::of_logs(vec![known.key().clone()])).is_err());
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = text.parse::<NoteKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(leaf) = text.parse::<Leaf>() {
        assert_eq!(leaf.to_string(), text);
    }
    if let Ok(opening) = text.parse::<Opening>() {
        assert_eq!(opening.to_string(), text);
    }
    if let Ok(path) = text.parse::<TilePath>() {
        assert_eq!(path.to_string(), text);
    }
}

/// Policies, and what they say of a checkpoint that nobody signed.
pub fn log_policy(bytes: &[u8]) {
    let Ok(policy) = Policy::read(bytes) else { return };
    let note = SignedNote::new("log.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n".to_owned());
    assert!(policy.accept(&note.expect("a text")).is_err(), "nobody signed it");
}

/// What a witness gets: nothing that nobody signed is cosigned.
pub fn log_witness(bytes: &[u8]) {
    if let Ok(request) = AddCheckpoint::read(bytes) {
        assert_eq!(request.to_string().as_bytes(), bytes);
    }
    let (log, witness) = (key(SignatureKind::Ed25519), key(SignatureKind::CosignatureV1));
    let answer = cosign(bytes, &[log.key().clone()], |_| TreeHead::empty(), &witness, 0);
    assert!(!matches!(answer, WitnessAnswer::Cosigned { .. }), "nobody signed it");
    if let Ok(refusal) = String::from_utf8_lossy(bytes).parse::<WitnessRefusal>() {
        assert_eq!(refusal.to_string().parse(), Ok(refusal));
    }
    if let Some((inputs, leaves)) = decode_section(bytes) {
        assert!(inputs.len() + leaves.iter().map(|leaf| leaf.len()).sum::<usize>() <= bytes.len());
    }
}

/// Tiles, bundles, and an export whose checkpoint is this: the first byte is a width.
pub fn log_tiles(bytes: &[u8]) {
    let Some((width, rest)) = bytes.split_first() else { return };
    let width = u16::from(*width) + 1;
    if let Ok(hashes) = decode_hashes(rest, width) {
        assert_eq!(encode_hashes(&hashes), rest);
    }
    if let Ok(entries) = decode_bundle(rest, width) {
        assert_eq!(encode_bundle(entries).as_deref(), Ok(rest));
    }
    let mut files = BTreeMap::new();
    let log = key(SignatureKind::Ed25519);
    files.insert("policy".to_owned(), format!("log {}\nquorum none\n", log.key()).into_bytes());
    files.insert(format!("tile/entries/000.p/{width}"), rest.to_vec());
    files.insert("checkpoint".to_owned(), checkpoint_of(&log, u64::from(width)));
    let report = verify(&files, Verification { policy: None, seen: Vec::new(), plan: None });
    assert!(!report.is_good(), "tiles are missing");
}

fn checkpoint_of(log: &NoteSigner, size: u64) -> Vec<u8> {
    let origin = log.key().name.to_string();
    let checkpoint = Checkpoint { origin, size, root: TreeHead::empty().root, extensions: Vec::new() };
    let mut note = checkpoint.note().expect("a checkpoint");
    note.add(log.sign(note.text(), 0));
    note.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Every seed and every input that once did harm passes its probe, whole and cut anywhere.
    #[test]
    fn the_corpus_does_no_harm() {
        type Probe = fn(&[u8]);
        let probes: [(&str, Probe); 4] = [
            ("log_texts", super::log_texts),
            ("log_policy", super::log_policy),
            ("log_witness", super::log_witness),
            ("log_tiles", super::log_tiles),
        ];
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus");
        for (name, probe) in probes {
            let mut inputs = 0;
            for file in std::fs::read_dir(corpus.join(name)).unwrap() {
                let seed = std::fs::read(file.unwrap().path()).unwrap();
                (0..=seed.len()).for_each(|cut| probe(&seed[..cut]));
                inputs += 1;
            }
            assert!(inputs > 0, "{name} is empty");
        }
    }
}
