//! Making and checking a proof.

use super::{SamplePosition, subtree};
use crate::merkle::{Hash, MerkleProof, top_from_proof};
use crate::{BlobLayout, Root, SelfDescribed, SliverIdentity};

/// That somebody has the sample at a position of a sliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PossessionProof {
    /// The bytes of the sample.
    pub sample: Vec<u8>,
    /// The hashes beside the way from the sample to the leaf of its block, lowest first.
    pub block_path: Vec<[u8; 32]>,
    /// The proof of that leaf among all blocks of the sliver.
    pub leaf_proof: MerkleProof,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PossessionError {
    /// The blob has no such position: the question was wrong, not the answer.
    #[error("the blob has no sample at that position")]
    Position,
    /// The sample or a path is too short or too long, or the bytes are not a proof at all.
    #[error("the proof is malformed")]
    Malformed,
    /// It leads to another root: other bytes, another sliver, or another place.
    #[error("the proof does not lead to the sliver's root")]
    Root,
}

impl PossessionProof {
    /// Proves a position of the sliver that describes itself so. `block` is the block of the position's stripe as it is stored; whether it is
    /// genuine is for the verifier to find.
    ///
    /// # Errors
    /// [`PossessionError::Position`] if the sliver has no such position, [`PossessionError::Malformed`] if the block has another length than
    /// the stripe's.
    pub fn new(sliver: &SelfDescribed, position: SamplePosition, block: &[u8]) -> Result<Self, PossessionError> {
        let (start, len) = position.in_block(&sliver.identity.layout).ok_or(PossessionError::Position)?;
        let leaf_proof = sliver.footer.prove(position.stripe).ok_or(PossessionError::Position)?;
        if block.len() != sliver.identity.layout.block_len(position.stripe) {
            return Err(PossessionError::Malformed);
        }
        Ok(Self { sample: block[start..start + len].to_vec(), block_path: subtree::path(block, start), leaf_proof })
    }

    /// Checks the proof against the root that was recorded when the sliver was written.
    ///
    /// # Errors
    /// [`PossessionError`]: why it proves nothing.
    pub fn verify(
        &self,
        identity: &SliverIdentity,
        root: &Root,
        position: SamplePosition,
    ) -> Result<(), PossessionError> {
        let layout = &identity.layout;
        let (start, len) = position.in_block(layout).ok_or(PossessionError::Position)?;
        if self.sample.len() != len {
            return Err(PossessionError::Malformed);
        }
        let block_len = layout.block_len(position.stripe);
        let leaf = subtree::leaf_from(&self.sample, start, block_len, &self.block_path);
        let top = leaf.and_then(|leaf| self.top(&leaf, layout, position)).ok_or(PossessionError::Malformed)?;
        if identity.root_over(&top) == *root { Ok(()) } else { Err(PossessionError::Root) }
    }

    fn top(&self, leaf: &Hash, layout: &BlobLayout, position: SamplePosition) -> Option<Hash> {
        let (stripe, stripes) = (usize::try_from(position.stripe).ok()?, usize::try_from(layout.stripes()).ok()?);
        top_from_proof(leaf, stripe, stripes, &self.leaf_proof)
    }
}
