//! A changed byte of an export is found wherever it is, and the report names its file.

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::example::{Files, Story, verified};
use crate::ledger::log::{POLICY_FILE, README_FILE};

/// How many bytes of a file count. Older checkpoints need no witness: the line of one may be anybody's signature.
fn required(path: &str, content: &[u8]) -> usize {
    let dash = "\u{2014} ".as_bytes();
    let cosignature = content.windows(dash.len()).rposition(|part| part == dash);
    cosignature.filter(|_| path.starts_with("checkpoints/")).unwrap_or(content.len())
}

/// What a verifier reads, file after file, and where the bytes are.
fn byte_at(files: &Files, at: usize) -> (String, usize) {
    let read = files.iter().filter(|(path, _)| ![POLICY_FILE, README_FILE].contains(&path.as_str()));
    let read: Vec<_> = read.map(|(path, content)| (path, required(path, content))).collect();
    let mut rest = at % read.iter().map(|(_, bytes)| bytes).sum::<usize>();
    for (path, bytes) in read {
        if rest < bytes {
            return (path.clone(), rest);
        }
        rest -= bytes;
    }
    unreachable!("the remainder lies within the files")
}

fn finds(files: &Files, path: &str, index: usize, flip: u8) {
    let mut changed = files.clone();
    changed.get_mut(path).unwrap()[index] ^= flip;
    let report = verified(&changed);
    assert!(!report.is_good(), "{path}[{index}] ^ {flip}");
    assert_eq!(report.faults[0].file, path, "{path}[{index}] ^ {flip}: {report}");
}

proptest! {
    #![proptest_config(Config::with_cases(1_000))]

    #[test]
    fn a_thousand_changed_bytes_are_found(at in any::<usize>(), flip in 1_u8..=255) {
        thread_local!(static FILES: Files = Story::honest().export());
        FILES.with(|files| {
            let (path, index) = byte_at(files, at);
            finds(files, &path, index, flip);
        });
    }
}

#[test]
fn every_byte_of_the_checkpoints_counts() {
    let files = Story::honest().export();
    for (path, content) in files.iter().filter(|(path, _)| path.starts_with("checkpoint")) {
        for index in 0..required(path, content) {
            finds(&files, path, index, 1 + u8::try_from(index % 7).unwrap());
        }
    }
}

#[test]
fn the_line_of_a_changed_leaf_and_of_a_changed_hash_is_named() {
    let files = Story::honest().export();
    let mut changed = files.clone();
    let bundle = changed.get_mut("tile/entries/000").unwrap();
    let at = bundle.windows(8).position(|part| part == b"payer/5e" || part.starts_with(b"escrow/2")).unwrap();
    bundle[at + 7] = b'3';
    let entry = 1 + crate::ledger::log::tree::decode_bundle(bundle, 256)
        .unwrap()
        .iter()
        .position(|entry| entry.windows(8).any(|part| part == b"escrow/3"))
        .unwrap();
    let report = verified(&changed);
    let place = (report.faults[0].file.as_str(), report.faults[0].line);
    assert_eq!(place, ("tile/entries/000", u64::try_from(entry).ok()), "{report}");
    assert_eq!(report.faults.len(), 1, "{report}");

    let mut changed = files.clone();
    changed.get_mut("tile/0/000").unwrap()[32 * 99] ^= 1;
    let report = verified(&changed);
    assert_eq!((report.faults[0].file.as_str(), report.faults[0].line), ("tile/0/000", Some(100)), "{report}");
    assert_eq!(report.faults.len(), 1, "{report}");

    let mut changed = files;
    changed.get_mut("tile/1/000.p/1").unwrap()[7] ^= 1;
    let report = verified(&changed);
    assert_eq!((report.faults[0].file.as_str(), report.faults[0].line), ("tile/1/000.p/1", Some(1)), "{report}");
    assert_eq!(report.faults.len(), 1, "{report}");
}

#[test]
fn a_file_that_is_missing_or_cut_is_named() {
    let files = Story::honest().export();
    for path in files.keys().filter(|path| ![POLICY_FILE, README_FILE].contains(&path.as_str())) {
        let mut without = files.clone();
        without.remove(path);
        assert_eq!(verified(&without).faults.first().map(|fault| fault.file.as_str()), Some(path.as_str()));
        let mut cut = files.clone();
        cut.get_mut(path).unwrap().pop();
        assert_eq!(verified(&cut).faults.first().map(|fault| fault.file.as_str()), Some(path.as_str()));
        let mut longer = files.clone();
        longer.get_mut(path).unwrap().push(b'\n');
        assert_eq!(verified(&longer).faults.first().map(|fault| fault.file.as_str()), Some(path.as_str()));
    }
    assert!(!verified(&Files::new()).is_good());
}
