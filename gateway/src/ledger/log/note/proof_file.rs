//! Files that prove one leaf offline, as in C2SP tlog-proof.

use std::fmt;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::decimal::decimal;
use super::policy::{Accepted, Policy, PolicyRefusal};
use super::signed_note::{NOTE_BYTES_MAX, SignedNote};
use crate::ledger::log::tree::{Hash, PROOF_HASHES_MAX, is_included, leaf_hash};

/// The longest file that is read, in bytes.
pub const PROOF_FILE_BYTES_MAX: usize = NOTE_BYTES_MAX + (128 << 10);

/// The first line.
const HEAD: &str = "c2sp.org/tlog-proof@v1";

/// A file that proves a leaf. Haulout puts the leaf's text into `extra`, so that the file is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    /// What the application needs to know; not authenticated by itself.
    pub extra: Option<Vec<u8>>,
    /// The number of the leaf, from 0.
    pub index: u64,
    /// The hashes from the leaf's sibling up.
    pub hashes: Vec<Hash>,
    /// The checkpoint with its signatures.
    pub checkpoint: SignedNote,
}

/// Why a file proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not of the format.
    #[error("line {0} is not of a tlog-proof file")]
    Form(usize),
    /// Longer than [`PROOF_FILE_BYTES_MAX`].
    #[error("a file of more than {PROOF_FILE_BYTES_MAX} bytes")]
    TooLong,
    /// What follows the proof is no checkpoint.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is not what the policy asks for.
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
    /// The hashes do not lead from the leaf to the root.
    #[error("the hashes do not lead from this leaf to the root of the checkpoint")]
    NotIncluded,
}

impl ProofFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ProofError::Form`], [`ProofError::TooLong`], [`ProofError::Checkpoint`].
    pub fn read(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > PROOF_FILE_BYTES_MAX {
            return Err(ProofError::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ProofError::Form(1))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ProofError::Form(1))?;
        let mut lines = (1..).zip(head.split('\n')).peekable();
        lines.next_if(|(_, line)| *line == HEAD).ok_or(ProofError::Form(1))?;
        let mut extra = None;
        if let Some((number, line)) = lines.next_if(|(_, line)| line.starts_with("extra ")) {
            let decoded = STANDARD.decode(&line["extra ".len()..]);
            extra = Some(decoded.map_err(|_| ProofError::Form(number))?);
        }
        let (number, line) = lines.next().ok_or(ProofError::Form(2))?;
        let index = line.strip_prefix("index ").and_then(decimal).ok_or(ProofError::Form(number))?;
        let mut hashes = Vec::new();
        for (number, line) in lines {
            let hash = line.parse().ok().filter(|_| hashes.len() < PROOF_HASHES_MAX);
            hashes.push(hash.ok_or(ProofError::Form(number))?);
        }
        let (_, checkpoint) = Checkpoint::read(checkpoint.as_bytes())?;
        Ok(Self { extra, index, hashes, checkpoint })
    }

    /// Checks that a log of the policy has this leaf at this place, in a checkpoint that the policy accepts.
    ///
    /// # Errors
    /// [`ProofError::Policy`] or [`ProofError::NotIncluded`].
    pub fn verify(&self, leaf: &[u8], policy: &Policy) -> Result<Accepted, ProofError> {
        let accepted = policy.accept(&self.checkpoint)?;
        let Checkpoint { size, root, .. } = accepted.checkpoint;
        if is_included(leaf_hash(leaf), self.index, &self.hashes, size, root) {
            Ok(accepted)
        } else {
            Err(ProofError::NotIncluded)
        }
    }
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut head = format!("{HEAD}\n");
        if let Some(extra) = &self.extra {
            writeln!(head, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(head, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(head, "{hash}"))?;
        write!(f, "{head}\n{}", self.checkpoint)
    }
}
