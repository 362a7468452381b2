//! Notes, keys, checkpoints, proofs in files and policies, against the published examples and another implementation.

use base64::Engine as _;
use proptest::prelude::*;
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};

use crate::ledger::log::note::{
    Checkpoint, KeyName, NoteError, NoteKey, NoteSignature, NoteSigner, Policy, PolicyRefusal, ProofError, ProofFile,
    SIGNATURES_MAX, SignatureKind, SignedNote, VkeyError,
};
use crate::ledger::log::tree::{Hash, leaf_hash, node_hash};

fn signer(name: &str, kind: SignatureKind, seed: u8) -> NoteSigner {
    NoteSigner::from_seed(name.parse().unwrap(), kind, &[seed; 32])
}

fn log() -> NoteSigner {
    signer("log.example/ledger", SignatureKind::Ed25519, 1)
}

fn witness(seed: u8) -> NoteSigner {
    signer(&format!("witness.example/{seed}"), SignatureKind::CosignatureV1, seed)
}

fn checkpoint(size: u64) -> SignedNote {
    let root = Hash([7; 32]);
    let checkpoint = Checkpoint { origin: "log.example/ledger".to_owned(), size, root, extensions: Vec::new() };
    let mut note = checkpoint.note().unwrap();
    note.add(log().sign(note.text(), 0));
    note
}

#[test]
fn the_examples_of_the_specification_verify() {
    let key: NoteKey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".parse().unwrap();
    let text = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let note = SignedNote::read(text.as_bytes()).unwrap();
    assert_eq!(note.signed_by(&key), Ok(Some(0)));
    assert_eq!(note.to_string(), text);

    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
    let (checkpoint, note) = Checkpoint::read(text.as_bytes()).unwrap();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(note.signatures()[1].bytes[..8], 1_679_315_147_u64.to_be_bytes());
    assert_eq!(note.to_string(), text);
}

#[test]
fn another_implementation_reads_our_notes_and_we_read_theirs() {
    let ours = checkpoint(12);
    let verifier = StandardVerifier::new(&log().key().to_string()).unwrap();
    let known = VerifierList::new(vec![Box::new(verifier)]);
    let theirs = Note::from_bytes(ours.to_string().as_bytes()).unwrap();
    let (verified, unverified) = theirs.verify(&known).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));
    let read = tlog_tiles::Checkpoint::from_bytes(theirs.text()).unwrap();
    assert_eq!((read.origin(), read.size(), read.hash().0), ("log.example/ledger", 12, [7; 32]));

    let mut cosigned = ours;
    cosigned.add(witness(2).sign(cosigned.text(), 1_700_000_000));
    let theirs = Note::from_bytes(cosigned.to_string().as_bytes()).unwrap();
    let (verified, unverified) = theirs.verify(&known).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 1));

    let key = signer("their.example/log", SignatureKind::Ed25519, 9).key().clone();
    let secret = base64::engine::general_purpose::STANDARD.encode([&[1], [9; 32].as_slice()].concat());
    let private = format!("PRIVATE+KEY+their.example/log+{}+{secret}", hex::encode(key.id()));
    let mut note = Note::new(b"a text\n\nof theirs\n", &[]).unwrap();
    note.add_sigs(&[&StandardSigner::new(&private).unwrap()]).unwrap();
    assert_eq!(SignedNote::read(&note.to_bytes()).unwrap().signed_by(&key), Ok(Some(0)));
}

#[test]
fn a_key_has_one_text() {
    let key = witness(3).key().clone();
    let text = key.to_string();
    assert_eq!(text.parse(), Ok(key.clone()));
    let (name, rest) = text.split_once('+').unwrap();
    let (id, base) = rest.split_once('+').unwrap();
    assert!(matches!(format!("{name}+{}+{base}", "00000000").parse::<NoteKey>(), Err(VkeyError::Id(own)) if own == id));
    for wrong in [
        format!("{name}+{}+{base}", id.to_uppercase()),
        format!("{name}x+{id}+{base}"),
        format!("{name} +{id}+{base}"),
        format!("{name}+{id}"),
        format!("{name}+{id}+{base}="),
        format!("{name}+{id}+{}", &base[..base.len() - 4]),
        format!("+{id}+{base}"),
        String::new(),
    ] {
        assert!(wrong.parse::<NoteKey>().is_err() || wrong == text, "{wrong}");
    }
    let post_quantum = "name+01234567+BgAA";
    assert_eq!(post_quantum.parse::<NoteKey>(), Err(VkeyError::Kind(6)));
    for name in ["", "a b", "a+b", "a\u{2003}b", "a\nb", &"a".repeat(256)] {
        assert!(name.parse::<KeyName>().is_err(), "{name}");
    }
}

#[test]
fn unknown_signatures_are_passed_over_and_wrong_ones_are_not() {
    let mut note = checkpoint(1);
    for seed in 2..18 {
        note.add(witness(seed).sign(note.text(), u64::from(seed)));
    }
    // Sixteen unknown ones, and one of a length that this program has no kind for.
    note.add(NoteSignature { name: "new.example".parse().unwrap(), id: [6; 4], bytes: vec![6; 2428] });
    let note = SignedNote::read(note.to_string().as_bytes()).unwrap();
    assert_eq!(note.signatures().len(), 18);
    assert_eq!(note.signed_by(log().key()), Ok(Some(0)));
    assert_eq!(note.signed_by(witness(9).key()), Ok(Some(9)));
    assert_eq!(note.signed_by(witness(30).key()), Ok(None));

    let other = SignedNote::read(note.to_string().replacen("ledger\n1\n", "ledger\n2\n", 1).as_bytes()).unwrap();
    assert_eq!(other.signed_by(log().key()), Err(NoteError::Wrong("log.example/ledger".parse().unwrap())));
    assert!(other.signed_by(witness(9).key()).is_err());

    let mut many = checkpoint(1).to_string();
    for _ in 0..SIGNATURES_MAX {
        many.push_str("\u{2014} x AAAAAAA=\n");
    }
    assert_eq!(SignedNote::read(many.as_bytes()), Err(NoteError::TooMany(SIGNATURES_MAX + 1)));
}

#[test]
fn what_is_no_note_is_refused() {
    let good = "text\n\n\u{2014} name AAAAAAA=\n";
    assert!(SignedNote::read(good.as_bytes()).is_ok());
    for wrong in [
        "",
        "text\n",
        "text\n\n",
        "text\n\n\n",
        "\u{2014} name AAAAAAA=\n",
        "text\n\n\u{2014} name AAAAAAA=",
        "text\n\n\u{2014} name AAAAAA==\n",
        "text\n\n\u{2014} name AAAAAAA\n",
        "text\n\n\u{2014} name AAAAAAB=\n",
        "text\n\n\u{2014} name  AAAAAAA=\n",
        "text\n\n\u{2014}  AAAAAAA=\n",
        "text\n\n- name AAAAAAA=\n",
        "text\n\n\u{2014} name AAAAAAA=\n\u{2014} name\n",
        "text\r\n\n\u{2014} name AAAAAAA=\n",
        "te\txt\n\n\u{2014} name AAAAAAA=\n",
    ] {
        assert!(SignedNote::read(wrong.as_bytes()).is_err(), "{wrong:?}");
    }
    assert!(SignedNote::read(b"te\xffxt\n\n\xe2\x80\x94 name AAAAAAA=\n").is_err());
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    assert!(format!("origin\n0\n{root}\n").parse::<Checkpoint>().is_ok());
    assert!(format!("origin\n0\n{root}\nextension\n").parse::<Checkpoint>().is_ok());
    for wrong in [
        String::new(),
        "origin\n0\n".to_owned(),
        format!("origin\n0\n{root}"),
        format!("\n0\n{root}\n"),
        format!("origin\n00\n{root}\n"),
        format!("origin\n+1\n{root}\n"),
        format!("origin\n-1\n{root}\n"),
        format!("origin\n18446744073709551616\n{root}\n"),
        format!("origin\n1\n{root}=\n"),
        format!("origin\n1\n{}\n", &root[1..]),
        format!("origin\n1\n{root}\n\n"),
    ] {
        assert!(wrong.parse::<Checkpoint>().is_err(), "{wrong:?}");
    }
    let two_lines = Checkpoint { origin: "a\nb".to_owned(), size: 0, root: Hash([0; 32]), extensions: Vec::new() };
    assert!(two_lines.note().is_err());
}

/// A policy with this log and witnesses 2 to 7, and these lines.
fn policy(lines: &str) -> Result<Policy, usize> {
    let mut text = format!("# what we trust\n\nlog {}\n", log().key());
    for seed in 2..8 {
        text.push_str(&format!("\twitness W{seed}  {} https://witness.example/{seed}/ \n", witness(seed).key()));
    }
    Policy::read(format!("{text}{lines}").as_bytes()).map_err(|error| error.line)
}

fn cosigned_by(seeds: &[u8]) -> SignedNote {
    let mut note = checkpoint(5);
    for seed in seeds {
        note.add(witness(*seed).sign(note.text(), 1_000));
    }
    note
}

#[test]
fn a_quorum_is_met_by_enough_witnesses_of_each_group() {
    let policy = policy("group X 2 W2 W3 W4\ngroup Y any W5 W6 W7\ngroup both all X Y\nquorum both\n").unwrap();
    for (seeds, is_met) in [
        (&[2, 3, 5][..], true),
        (&[2, 4, 6, 7], true),
        (&[2, 3], false),
        (&[2, 5, 6, 7], false),
        (&[], false),
        (&[2, 3, 9], false),
    ] {
        let accepted = policy.accept(&cosigned_by(seeds));
        assert_eq!(accepted.is_ok(), is_met, "{seeds:?}");
        assert!(policy.accept_unwitnessed(&cosigned_by(seeds)).is_ok());
    }
    let accepted = policy.accept(&cosigned_by(&[2, 3, 5])).unwrap();
    assert_eq!(accepted.cosigned, [("W2".to_owned(), 1_000), ("W3".to_owned(), 1_000), ("W5".to_owned(), 1_000)]);
    assert_eq!(policy.accept(&cosigned_by(&[2])), Err(PolicyRefusal::NoQuorum(1)));
    assert_eq!(policy.witnesses[0].url.as_deref(), Some(&b"https://witness.example/2/"[..]));
}

#[test]
fn whoever_is_not_in_the_policy_is_not_trusted() {
    let policy = policy("quorum none\n").unwrap();
    assert!(policy.accept(&checkpoint(5)).is_ok());
    let note = SignedNote::new(checkpoint(5).text().replace("ledger", "other")).unwrap();
    assert_eq!(policy.accept(&note), Err(PolicyRefusal::UnknownLog("log.example/other".to_owned())));
    let unsigned = SignedNote::new(checkpoint(5).text().to_owned()).unwrap();
    assert!(matches!(policy.accept(&unsigned), Err(PolicyRefusal::Unsigned(_))));
    let mut other_key = unsigned;
    other_key.add(signer("log.example/ledger", SignatureKind::Ed25519, 99).sign(other_key.text(), 0));
    assert!(matches!(policy.accept(&other_key), Err(PolicyRefusal::Unsigned(_))));
    let mut wrong = checkpoint(5);
    let mut signature = witness(2).sign(wrong.text(), 7);
    signature.bytes[7] ^= 1;
    wrong.add(signature);
    assert!(matches!(policy.accept(&wrong), Err(PolicyRefusal::Signature(_))), "a wrong time spoils the note");
}

#[test]
fn policies_are_refused_with_the_line_that_is_wrong() {
    let spare = witness(8).key().to_string();
    for lines in [
        "",
        "quorum W9\n",
        "quorum W2\nquorum W2\n",
        "group g 0 W2\nquorum g\n",
        "group g 3 W2 W3\nquorum g\n",
        "group g some W2\nquorum g\n",
        "group g any\nquorum g\n",
        "group g any W2 W2\nquorum g\n",
        "group g any W2\ngroup h any W2 g\nquorum h\n",
        "group g any h\ngroup h any W2\nquorum g\n",
        "group W2 any W3\nquorum W2\n",
        "group none any W3\nquorum none\n",
        "group g any none\nquorum g\n",
        "quorum W2",
        "quorum W2\r\n",
        "quorum\n",
        "Quorum W2\n",
    ] {
        assert!(policy(lines).is_err(), "{lines:?}");
    }
    assert_eq!(policy("group g any W2\ngroup h any x\n"), Err(11));
    assert!(policy("group g any W2\nquorum W2\n").is_ok(), "the quorum may be a member of a group");
    assert!(policy(&format!("witness W2 {spare}\nquorum W2\n")).is_err(), "the name twice");
    assert!(policy(&format!("witness W8 {spare}\nwitness W9 {spare}\nquorum W2\n")).is_err(), "the key twice");
    assert!(policy(&format!("log {spare}\nquorum W2\n")).is_err(), "a witness's key as a log's");
    assert!(policy(&format!("witness \u{212a} {spare}\nquorum K\n")).is_err(), "a Kelvin sign is no K");
    assert!(policy(&format!("witness \u{212a} {spare}\nquorum \u{212a}\n")).is_ok());
}

#[test]
fn a_proof_file_proves_its_leaf_and_no_other() {
    let (left, right) = (b"left".as_slice(), b"right".as_slice());
    let root = node_hash(leaf_hash(left), leaf_hash(right));
    let origin = "log.example/ledger".to_owned();
    let mut note = Checkpoint { origin, size: 2, root, extensions: Vec::new() }.note().unwrap();
    note.add(log().sign(note.text(), 0));
    note.add(witness(2).sign(note.text(), 5));
    let file = ProofFile { extra: Some(right.to_vec()), index: 1, hashes: vec![leaf_hash(left)], checkpoint: note };
    let text = file.to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra cmlnaHQ=\nindex 1\n"), "{text}");
    let read = ProofFile::read(text.as_bytes()).unwrap();
    assert_eq!(read, file);
    let policy = policy("quorum W2\n").unwrap();
    assert_eq!(read.verify(right, &policy).unwrap().cosigned, [("W2".to_owned(), 5)]);
    assert_eq!(read.verify(left, &policy), Err(ProofError::NotIncluded));
    let elsewhere = ProofFile { index: 0, ..read.clone() };
    assert_eq!(elsewhere.verify(right, &policy), Err(ProofError::NotIncluded));
    let bare = ProofFile { extra: None, ..read };
    assert_eq!(ProofFile::read(bare.to_string().as_bytes()), Ok(bare));
    for wrong in [
        text.replace("@v1", "@v2"),
        text.replace("extra cmlnaHQ=", "extra cmlnaHQ"),
        text.replace("index 1", "index 01"),
        text.replace("index 1\n", ""),
        text.replacen("\n\n", "\n", 1),
        text.replacen("\n\n", "\nAAAA\n\n", 1),
    ] {
        assert!(ProofFile::read(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn whatever_reads_as_a_note_is_written_so(lines in prop::collection::vec("[a-z\u{2014} +]{0,6}", 0..6), name in "[a-z+. ]{0,4}", signature in "[A-Za-z0-9+/]{4,12}={0,2}") {
        let text = format!("{}\n\n\u{2014} {name} {signature}\n", lines.join("\n"));
        if let Ok(note) = SignedNote::read(text.as_bytes()) {
            prop_assert_eq!(note.to_string(), text);
        }
    }

    #[test]
    fn bytes_of_any_form_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = SignedNote::read(&bytes);
        let _ = Policy::read(&bytes);
        let _ = ProofFile::read(&bytes);
    }

    #[test]
    fn a_changed_byte_of_a_checkpoint_is_noticed(at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let policy = policy("group g all W2 W3\nquorum g\n").unwrap();
        let mut bytes = cosigned_by(&[2, 3]).to_string().into_bytes();
        prop_assert!(policy.accept(&SignedNote::read(&bytes).unwrap()).is_ok());
        let index = at.index(bytes.len());
        bytes[index] ^= flip;
        let accepted = SignedNote::read(&bytes).map(|note| policy.accept(&note));
        prop_assert!(!matches!(accepted, Ok(Ok(_))));
    }
}
