//! `haulout ledger verify`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::folder::{Folder, read_named};
use crate::app::commands::{Outcome, show};
use crate::ledger::log::note::{NOTE_BYTES_MAX, POLICY_BYTES_MAX, Policy, SignedNote};
use crate::ledger::log::verify::{Verification, verify};
use crate::settlement::planned_epoch;

pub(super) fn run(dir: &Path, policy: Option<&Path>, seen: &[PathBuf]) -> Result<Outcome> {
    let policy = policy.map(read_policy).transpose()?;
    let checkpoint = |path: &PathBuf| {
        let content = read_named(path, NOTE_BYTES_MAX)?;
        SignedNote::read(&content).with_context(|| format!("{} is no checkpoint", path.display()))
    };
    let seen = seen.iter().map(checkpoint).collect::<Result<Vec<_>>>()?;
    let report = verify(&Folder(dir.to_owned()), Verification { policy, seen, plan: Some(&planned_epoch) });
    show::print(report.to_string().trim_end_matches('\n'))?;
    Ok(if report.is_good() { Outcome::Fine } else { Outcome::Wrong })
}

pub(super) fn read_policy(path: &Path) -> Result<Policy> {
    let content = read_named(path, POLICY_BYTES_MAX)?;
    Policy::read(&content).with_context(|| path.display().to_string())
}
