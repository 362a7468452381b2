//! A proof as bytes: section 6.5 of the format document.

use super::{PossessionError, PossessionProof, SAMPLE_BYTES};
use crate::merkle::{HASH_BYTES, MerkleProof};

/// Most hashes of either path: the depth of a tree with 2^32 leaves.
const PATH_MAX: usize = 32;
/// Length of the sample, numbers of hashes.
const HEAD_BYTES: usize = 4;

impl PossessionProof {
    /// Most bytes that a proof takes: what a verifier need ever read.
    pub const BYTES_MAX: usize = HEAD_BYTES + SAMPLE_BYTES + 2 * PATH_MAX * HASH_BYTES;

    /// The bytes of the proof.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let count = |path: &[[u8; HASH_BYTES]]| u8::try_from(path.len()).unwrap_or(u8::MAX);
        let sample_len = u16::try_from(self.sample.len()).unwrap_or(u16::MAX);
        let [high, low] = sample_len.to_be_bytes();
        let mut bytes = vec![high, low, count(&self.block_path), count(&self.leaf_proof.path)];
        bytes.extend_from_slice(&self.sample);
        bytes.extend_from_slice(self.block_path.as_flattened());
        bytes.extend_from_slice(self.leaf_proof.path.as_flattened());
        bytes
    }

    /// Reads a proof that somebody sent. Any bytes may be given.
    ///
    /// # Errors
    /// [`PossessionError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PossessionError> {
        Self::read(bytes).ok_or(PossessionError::Malformed)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let ([high, low, block_count, leaf_count], rest) = bytes.split_first_chunk()?;
        let (sample, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
        let (block_count, leaf_count) = (usize::from(*block_count), usize::from(*leaf_count));
        if sample.len() > SAMPLE_BYTES || block_count > PATH_MAX || leaf_count > PATH_MAX {
            return None;
        }
        let (hashes, []) = rest.as_chunks() else { return None };
        if hashes.len() != block_count + leaf_count {
            return None;
        }
        let (block_path, leaf_path) = hashes.split_at(block_count);
        Some(Self {
            sample: sample.to_vec(),
            block_path: block_path.to_vec(),
            leaf_proof: MerkleProof { path: leaf_path.to_vec() },
        })
    }
}
