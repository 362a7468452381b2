//! One leaf in one file: what an owner passes on to show a charge, a payment or a reward.

use crate::ledger::log::leaf::{Leaf, LeafError};
use crate::ledger::log::note::{Accepted, Checkpoint, CheckpointError, Policy, ProofError, ProofFile, SignedNote};
use crate::ledger::log::tree::{TiledTree, TreeError};

/// Why no proof can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvingError {
    /// The note is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A tile cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The leaf is younger than the checkpoint.
    #[error("leaf {index} is not in the tree of {size} leaves yet: the next checkpoint will have it")]
    NotYet {
        /// Its number, from 0.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
}

/// Why a file proves no leaf.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvenLeafError {
    /// The proof is none, or not one that the policy accepts.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The file does not say what it proves.
    #[error("the line `extra` with the leaf is missing")]
    NoLeaf,
    /// What it proves is no leaf of a ledger.
    #[error(transparent)]
    Leaf(#[from] LeafError),
}

/// The file that proves the leaf at `index` under a checkpoint. The tree must have the checkpoint's leaves at least.
///
/// # Errors
/// [`ProvingError`].
pub fn prove_leaf(
    leaf: &Leaf,
    index: u64,
    tree: &TiledTree<'_>,
    checkpoint: SignedNote,
) -> Result<ProofFile, ProvingError> {
    let Checkpoint { size, .. } = checkpoint.text().parse()?;
    if index >= size {
        return Err(ProvingError::NotYet { index, size });
    }
    let hashes = tree.inclusion_proof(index, size)?;
    Ok(ProofFile { extra: Some(leaf.to_string().into_bytes()), index, hashes, checkpoint })
}

/// Reads and verifies such a file: what it proves, and who vouches for it.
///
/// # Errors
/// [`ProvenLeafError`].
pub fn proven_leaf(file: &[u8], policy: &Policy) -> Result<(Leaf, Accepted), ProvenLeafError> {
    let file = ProofFile::read(file)?;
    let text = file.extra.as_deref().ok_or(ProvenLeafError::NoLeaf)?;
    let accepted = file.verify(text, policy)?;
    Ok((Leaf::read(text)?, accepted))
}
