//! Checkpoints: the size and root of a tree under the name of its log, as in C2SP tlog-checkpoint.

use std::fmt;
use std::str::FromStr;

use super::decimal::decimal;
use super::signed_note::{NoteError, SignedNote};
use crate::ledger::log::tree::Hash;

/// The text of a checkpoint, which a note carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: String,
    /// How many leaves the tree has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// Further lines, of which this program writes none and understands none.
    pub extensions: Vec<String>,
}

/// Why a text is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is no note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Its text is something else.
    #[error("a checkpoint is a line with the origin, one with the size in decimal, one with the root in base64")]
    Form,
}

impl Checkpoint {
    /// Reads the checkpoint that a note carries.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn read(bytes: &[u8]) -> Result<(Self, SignedNote), CheckpointError> {
        let note = SignedNote::read(bytes)?;
        Ok((note.text().parse()?, note))
    }

    /// The note that carries it, not signed yet.
    ///
    /// # Errors
    /// [`CheckpointError`] if the origin or an extension cannot stand in a line.
    pub fn note(&self) -> Result<SignedNote, CheckpointError> {
        let text = self.to_string();
        if text.parse::<Self>().as_ref() != Ok(self) {
            return Err(CheckpointError::Form);
        }
        Ok(SignedNote::new(text)?)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Form)?.split('\n');
        let mut next = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Form);
        let origin = next()?.to_owned();
        let size = decimal(next()?).ok_or(CheckpointError::Form)?;
        let root = next()?.parse().map_err(|_| CheckpointError::Form)?;
        let extensions: Vec<_> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(CheckpointError::Form);
        }
        Ok(Self { origin, size, root, extensions })
    }
}
