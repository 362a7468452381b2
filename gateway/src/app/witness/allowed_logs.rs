//! The logs that a witness cosigns, in a file that commands change while it runs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::app::startup::data_folder::DataFolder;
use crate::ledger::log::note::NoteKey;

/// The folder of a witness in the node's data folder.
pub(super) const FOLDER: &str = "witness";
const FILE: &str = "allowed.json";
/// Logs of one witness.
const LOGS_MAX: usize = 1_000;

/// A log that is cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::app) struct AllowedLog {
    /// Its key; its name is the log's.
    pub(in crate::app) key: NoteKey,
    /// Its epochs are recomputed. Other logs than Haulout's have none.
    pub(in crate::app) is_recomputed: bool,
}

/// The logs that are cosigned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::app) struct AllowedLogs(pub(in crate::app) Vec<AllowedLog>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    logs: Vec<WrittenLog>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLog {
    key: String,
    is_recomputed: bool,
}

/// The folder of the witness of a node.
pub(super) fn folder(data: &Path) -> PathBuf {
    data.join(FOLDER)
}

impl AllowedLogs {
    /// Reads the file; none is no log.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub(in crate::app) fn read(data: &Path) -> Result<Self> {
        let path = folder(data).join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let written: Written = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        let log = |log: WrittenLog| Ok(AllowedLog { key: log.key.parse()?, is_recomputed: log.is_recomputed });
        written.logs.into_iter().map(log).collect::<Result<_>>().map(Self)
    }

    /// Allows a log, or changes how it is cosigned.
    ///
    /// # Errors
    /// There are too many, or the disk refuses.
    pub(in crate::app) fn allow(data: &Path, allowed: AllowedLog) -> Result<()> {
        let mut logs = Self::read(data)?;
        logs.0.retain(|log| log.key != allowed.key);
        anyhow::ensure!(logs.0.len() < LOGS_MAX, "a witness has at most {LOGS_MAX} logs");
        logs.0.push(allowed);
        logs.write(data)
    }

    /// Cosigns a log no more; what was cosigned stays known. Whether it was allowed.
    ///
    /// # Errors
    /// The disk refuses.
    pub(in crate::app) fn revoke(data: &Path, origin: &str) -> Result<bool> {
        let mut logs = Self::read(data)?;
        let before = logs.0.len();
        logs.0.retain(|log| log.key.name.as_str() != origin);
        let changed = logs.0.len() < before;
        logs.write(data)?;
        Ok(changed)
    }

    fn write(&self, data: &Path) -> Result<()> {
        let log = |log: &AllowedLog| WrittenLog { key: log.key.to_string(), is_recomputed: log.is_recomputed };
        let written = Written { logs: self.0.iter().map(log).collect() };
        let folder = DataFolder::make(&folder(data))?;
        folder.write_secret(FILE, &serde_json::to_string_pretty(&written)?)
    }
}
