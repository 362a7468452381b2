//! Which slivers are the journal's: gateways write it by themselves, so tests that count slivers leave it out.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Tells slivers of the journal from others, as `codec/FORMAT.md` (keys) and `gateway/src/journal/JOURNAL.md` (names) say.
pub struct JournalNames {
    keys: Vec<[u8; 32]>,
}

impl JournalNames {
    /// For the cluster whose key lies in a data folder; with no key there, nothing is the journal's.
    pub fn of(data: &Path) -> Result<Self> {
        let text = fs::read_to_string(data.join("cluster.key")).unwrap_or_default();
        let key = |line: &str| {
            let digits = line.split_whitespace().last().unwrap_or_default();
            let mut bytes = [0; 32];
            hex::decode_to_slice(digits, &mut bytes).context("a line of cluster.key")?;
            Ok(blake3::derive_key("Haulout v1 cluster key: authenticate messages", &bytes))
        };
        Ok(Self { keys: text.lines().filter(|line| !line.trim().is_empty()).map(key).collect::<Result<_>>()? })
    }

    /// Whether a sliver's file is the journal's.
    pub fn has(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut id = [0; 16];
        let Some(digits) = name.get(..32) else { return false };
        if hex::decode_to_slice(digits, &mut id).is_err() {
            return false;
        }
        let purpose = b"blob of the journal";
        let mut message = u32::try_from(purpose.len()).unwrap_or(0).to_be_bytes().to_vec();
        message.extend_from_slice(purpose);
        message.extend_from_slice(&id[..12]);
        self.keys.iter().any(|key| blake3::keyed_hash(key, &message).as_bytes()[..4] == id[12..])
    }
}
