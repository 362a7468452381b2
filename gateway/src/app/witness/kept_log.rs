//! What a witness keeps of a log, durably.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::allowed_logs::folder;
use crate::app::startup::data_folder::DataFolder;
use crate::domain::money::epoch::Epoch;
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    origin: String,
    size: u64,
    root: String,
    recomputed_size: u64,
    peaks: Vec<String>,
    /// 0 before the first.
    epoch: u64,
    sequence: u64,
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
        let epoch = (written.epoch > 0).then_some(Epoch(written.epoch));
        Ok(Self {
            cosigned: TreeHead { size: written.size, root: written.root.parse().with_context(damaged)? },
            recomputed: RecomputedHead { tree, epoch, sequence: written.sequence },
            refusals: written.refusals,
        })
    }

    /// Keeps it, durably on return.
    ///
    /// # Errors
    /// The disk refuses: what was kept before is kept.
    pub(super) fn write(&self, data: &Path, origin: &str) -> Result<()> {
        let RecomputedHead { tree, epoch, sequence } = &self.recomputed;
        let written = Written {
            origin: origin.to_owned(),
            size: self.cosigned.size,
            root: self.cosigned.root.to_string(),
            recomputed_size: tree.size(),
            peaks: tree.peaks().iter().map(ToString::to_string).collect(),
            epoch: epoch.map_or(0, |epoch| epoch.0),
            sequence: *sequence,
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
