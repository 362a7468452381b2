//! Writes the log as static files: what `haulout ledger export` puts into a folder and anybody can serve or verify.

use crate::domain::money::epoch::Epoch;
use crate::ledger::log::note::{Checkpoint, CheckpointError, SignedNote};
use crate::ledger::log::tree::{
    TILE_WIDTH, TileBuilder, TileError, TileKind, TilePath, encode_bundle, encode_hashes, leaf_hash,
};

/// The latest checkpoint.
pub const CHECKPOINT_FILE: &str = "checkpoint";
/// The log's own policy: its key and its witnesses.
pub const POLICY_FILE: &str = "policy";
/// What the files are, for people.
pub const README_FILE: &str = "README.md";

const README: &str = include_str!("EXPORT.md");

/// The file of the checkpoint of this size.
#[must_use]
pub fn checkpoint_file(size: u64) -> String {
    format!("checkpoints/{size}")
}

/// The file of the inputs of an epoch.
#[must_use]
pub fn inputs_file(epoch: Epoch) -> String {
    format!("inputs/{epoch}")
}

/// Why an export fails.
#[derive(Debug, thiserror::Error)]
pub enum ExportError<E> {
    /// A file could not be written.
    #[error(transparent)]
    Write(E),
    /// A leaf is too long for a bundle.
    #[error("leaf {0}: {1}")]
    Leaf(u64, TileError),
    /// A checkpoint is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// There is no checkpoint at the end of the leaves.
    #[error("there are {leaves} leaves, and the last checkpoint has {checkpoint}: an export ends at a checkpoint")]
    Unfinished {
        /// How many leaves were given.
        leaves: u64,
        /// The size of the last checkpoint.
        checkpoint: u64,
    },
}

/// Takes the rows of the log in their order and gives files to `write`, a path and its content each.
#[derive(Debug)]
pub struct Exporter<W> {
    write: W,
    size: u64,
    tiles: TileBuilder,
    bundle: Vec<Vec<u8>>,
    latest: Option<(u64, String)>,
}

impl<W, E> Exporter<W>
where
    W: FnMut(&str, &[u8]) -> Result<(), E>,
{
    /// An export that writes with this function.
    pub fn new(write: W) -> Self {
        Self { write, size: 0, tiles: TileBuilder::default(), bundle: Vec::new(), latest: None }
    }

    /// The next leaf.
    ///
    /// # Errors
    /// [`ExportError`]; so with the others.
    pub fn leaf(&mut self, leaf: &[u8]) -> Result<(), ExportError<E>> {
        for (path, hashes) in self.tiles.push(leaf_hash(leaf)) {
            (self.write)(&path.to_string(), &encode_hashes(&hashes)).map_err(ExportError::Write)?;
        }
        self.bundle.push(leaf.to_vec());
        self.size += 1;
        if self.bundle.len() == usize::from(TILE_WIDTH) { self.flush() } else { Ok(()) }
    }

    /// The inputs of an epoch.
    ///
    /// # Errors
    /// As [`Self::leaf`].
    pub fn inputs(&mut self, epoch: Epoch, content: &[u8]) -> Result<(), ExportError<E>> {
        (self.write)(&inputs_file(epoch), content).map_err(ExportError::Write)
    }

    /// What a witness refused, as it signed it, with a number that no other refusal has.
    ///
    /// # Errors
    /// As [`Self::leaf`].
    pub fn refusal(&mut self, size: u64, number: usize, note: &str) -> Result<(), ExportError<E>> {
        (self.write)(&format!("refusals/{size}.{number}"), note.as_bytes()).map_err(ExportError::Write)
    }

    /// A checkpoint. The last one is that of the whole export.
    ///
    /// # Errors
    /// As [`Self::leaf`].
    pub fn checkpoint(&mut self, note: &SignedNote) -> Result<(), ExportError<E>> {
        let Checkpoint { size, .. } = note.text().parse()?;
        let text = note.to_string();
        (self.write)(&checkpoint_file(size), text.as_bytes()).map_err(ExportError::Write)?;
        if self.latest.as_ref().is_none_or(|(latest, _)| *latest <= size) {
            self.latest = Some((size, text));
        }
        Ok(())
    }

    /// Writes what is left: partial tiles, the latest checkpoint, the policy, and what explains it all.
    ///
    /// # Errors
    /// As [`Self::leaf`], and [`ExportError::Unfinished`].
    pub fn finish(mut self, policy: &str) -> Result<(), ExportError<E>> {
        if !self.bundle.is_empty() {
            self.flush()?;
        }
        let (size, latest) = self.latest.take().unwrap_or_default();
        if size != self.size || size == 0 {
            return Err(ExportError::Unfinished { leaves: self.size, checkpoint: size });
        }
        for (path, hashes) in self.tiles.partial() {
            (self.write)(&path.to_string(), &encode_hashes(hashes)).map_err(ExportError::Write)?;
        }
        let files = [(README_FILE, README), (POLICY_FILE, policy), (CHECKPOINT_FILE, latest.as_str())];
        files.into_iter().try_for_each(|(path, text)| (self.write)(path, text.as_bytes())).map_err(ExportError::Write)
    }

    /// Writes the open bundle.
    fn flush(&mut self) -> Result<(), ExportError<E>> {
        let width = u16::try_from(self.bundle.len()).expect("a bundle has at most 256 entries");
        let index = (self.size - 1) / u64::from(TILE_WIDTH);
        let path = TilePath { kind: TileKind::Entries, index, width };
        let entries = std::mem::take(&mut self.bundle);
        let content = encode_bundle(entries.iter().map(Vec::as_slice));
        let content = content.map_err(|error| ExportError::Leaf(self.size - 1, error))?;
        (self.write)(&path.to_string(), &content).map_err(ExportError::Write)
    }
}
