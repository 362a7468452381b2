//! What a log sends to a witness: `add-checkpoint` of C2SP tlog-witness.

use std::fmt;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::decimal::decimal;
use super::signed_note::{NOTE_BYTES_MAX, SignedNote};
use crate::ledger::log::tree::{Hash, PROOF_HASHES_MAX};

/// The longest body that is read, in bytes: a note after a size and 63 hashes of 45 bytes.
pub const REQUEST_BYTES_MAX: usize = NOTE_BYTES_MAX + 26 + PROOF_HASHES_MAX * 45;

/// The body of a request. Each has one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the log believes the witness cosigned last.
    pub old: u64,
    /// That the tree of the checkpoint extends that one.
    pub proof: Vec<Hash>,
    /// The checkpoint with the log's signature.
    pub note: SignedNote,
    /// What the note says.
    pub checkpoint: Checkpoint,
}

/// Why a body is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not of the format.
    #[error("line {0} is not of a request to add a checkpoint")]
    Form(usize),
    /// Longer than [`REQUEST_BYTES_MAX`].
    #[error("a body of more than {REQUEST_BYTES_MAX} bytes")]
    TooLong,
    /// What follows the proof is no checkpoint.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
}

impl AddCheckpoint {
    /// Reads a body.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn read(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(RequestError::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| RequestError::Form(1))?;
        let (head, note) = text.split_once("\n\n").ok_or(RequestError::Form(1))?;
        let mut lines = (1..).zip(head.split('\n'));
        let old = lines.next().and_then(|(_, line)| line.strip_prefix("old ")).and_then(decimal);
        let (old, mut proof) = (old.ok_or(RequestError::Form(1))?, Vec::new());
        for (number, line) in lines {
            let hash = line.parse().ok().filter(|_| proof.len() < PROOF_HASHES_MAX);
            proof.push(hash.ok_or(RequestError::Form(number))?);
        }
        let (checkpoint, note) = Checkpoint::read(note.as_bytes())?;
        Ok(Self { old, proof, note, checkpoint })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}
