//! An implementation in another language, from the documents alone, agrees about exports that are good and about those that are not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::example::{Files, Story, policy_text, verified};
use crate::ledger::log::POLICY_FILE;

fn write(folder: &Path, files: &Files) {
    for (path, content) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// What the other implementation says of each folder: whether it is good, and its line.
fn judged(folders: &[PathBuf]) -> Vec<(bool, String)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients/verify_ledger.py");
    let policy = tempfile::NamedTempFile::new().unwrap();
    fs::write(policy.path(), policy_text()).unwrap();
    let output = Command::new("python3").arg(script).arg(policy.path()).args(folders).output().expect("python3");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().map(|line| (line.starts_with("good: "), line.to_owned())).collect();
    assert_eq!(lines.len(), folders.len(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.success(), lines.iter().all(|(is_good, _)| *is_good));
    lines
}

#[test]
fn another_implementation_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let honest = Story::honest().export();
    let mut exports = vec![honest.clone()];
    // Every file in turn, a byte at a place that moves on, and a flip that does; the policy is another one.
    let paths: Vec<_> = honest.keys().filter(|path| ![POLICY_FILE, "README.md"].contains(&path.as_str())).collect();
    for number in 0..75 {
        let mut changed = honest.clone();
        let content = changed.get_mut(paths[number % paths.len()]).unwrap();
        let at = number * 7_919 % content.len();
        content[at] ^= 1 << (number % 8);
        exports.push(changed);
    }
    for path in &paths {
        let mut without = honest.clone();
        without.remove(*path);
        exports.push(without);
    }
    let folders: Vec<_> = (0..exports.len()).map(|number| folder.path().join(number.to_string())).collect();
    folders.iter().zip(&exports).for_each(|(folder, files)| write(folder, files));
    let verdicts = judged(&folders);
    assert_eq!(verdicts[0].1, "good: 291 leaves, 285 transfers, 16 accounts");
    for ((is_good, line), (number, files)) in verdicts.iter().zip(exports.iter().enumerate()) {
        let report = verified(files);
        assert_eq!(*is_good, report.is_good(), "{number}: {line}\n{report}");
    }
    assert!(verdicts.iter().filter(|(is_good, _)| *is_good).count() < 10, "most changes matter");
}

#[test]
fn another_implementation_catches_a_log_that_breaks_the_books() {
    let folder = tempfile::tempdir().unwrap();
    let stories = [
        Story::with_second(|transfers| transfers.push(transfers[6].clone())),
        Story::with_second(|transfers| drop(transfers.remove(5))),
        Story::with_second(|transfers| transfers[2].debit = transfers[2].credit.clone()),
    ];
    for (number, story) in stories.iter().enumerate() {
        let (path, files) = (folder.path().join(number.to_string()), story.export());
        write(&path, &files);
        assert!(!verified(&files).is_good() && !judged(&[path])[0].0, "{number}");
    }
}
