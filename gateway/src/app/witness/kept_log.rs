//! What a witness keeps of a log, durably.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::allowed_logs::folder;
use super::kept_ledger::WrittenLedger;
use crate::app::startup::data_folder::DataFolder;
use crate::ledger::log::note::TreeHead;
use crate::ledger::log::tree::{Frontier, Hash};
use crate::ledger::log::verify::RecomputedHead;

/// Refusals that are kept of one log, the newest.
const REFUSALS_MAX: usize = 64;

/// How far a log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::app) struct KeptLog {
    /// What was cosigned last.
    pub(in crate::app) cosigned: TreeHead,
    /// What was recomputed.
    pub(in crate::app) recomputed: RecomputedHead,
    /// What was refused, as signed notes.
    pub(in crate::app) refusals: Vec<String>,
}

impl Default for KeptLog {
    fn default() -> Self {
        Self { cosigned: TreeHead::empty(), recomputed: RecomputedHead::default(), refusals: Vec::new() }
    }
}

// What earlier builds wrote has fields besides.
#[derive(Serialize, Deserialize)]
struct Written {
    origin: String,
    size: u64,
    root: String,
    recomputed_size: u64,
    peaks: Vec<String>,
    /// None as earlier builds wrote it: they did not keep what the next epoch is compared with.
    #[serde(default)]
    ledger: Option<WrittenLedger>,
    refusals: Vec<String>,
}

fn file(origin: &str) -> String {
    hex::encode(Hash::of(&[origin.as_bytes()]).0)
}

impl KeptLog {
    /// Reads what is kept of a log; one that is not known is at its beginning.
    ///
    /// # Errors
    /// It cannot be read, or is damaged: nothing is cosigned then.
    pub(in crate::app) fn read(data: &Path, origin: &str) -> Result<Self> {
        let path = folder(data).join(file(origin));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let damaged = || format!("{} is damaged", path.display());
        let written: Written = serde_json::from_str(&text).with_context(damaged)?;
        anyhow::ensure!(written.origin == origin, "{} is of another log", path.display());
        let peaks =
            written.peaks.iter().map(|peak| peak.parse()).collect::<Result<Vec<Hash>, _>>().with_context(damaged)?;
        let tree = Frontier::new(written.recomputed_size, peaks).with_context(damaged)?;
        let recomputed = match written.ledger {
            Some(ledger) => RecomputedHead { tree, ledger: ledger.read().with_context(damaged)? },
            // It is given the log once more, from the beginning.
            None => RecomputedHead::default(),
        };
        let cosigned = TreeHead { size: written.size, root: written.root.parse().with_context(damaged)? };
        Ok(Self { cosigned, recomputed, refusals: written.refusals })
    }

    /// Keeps it, durably on return.
    ///
    /// # Errors
    /// The disk refuses: what was kept before is kept.
    pub(super) fn write(&self, data: &Path, origin: &str) -> Result<()> {
        let RecomputedHead { tree, ledger } = &self.recomputed;
        let written = Written {
            origin: origin.to_owned(),
            size: self.cosigned.size,
            root: self.cosigned.root.to_string(),
            recomputed_size: tree.size(),
            peaks: tree.peaks().iter().map(ToString::to_string).collect(),
            ledger: Some(WrittenLedger::of(ledger)),
            refusals: self.refusals.clone(),
        };
        DataFolder::make(&folder(data))?.write_secret(&file(origin), &serde_json::to_string(&written)?)
    }

    /// Adds a refusal. The oldest go; the same is kept once.
    pub(super) fn refuse(&mut self, note: String) {
        self.refusals.push(note);
        let more = self.refusals.len().saturating_sub(REFUSALS_MAX);
        self.refusals.drain(..more);
    }
}
