//! What every family of codes does, and what they share.

use bytes::Bytes;

use crate::EncodeError;

/// A family of codes at given k and m. Every implementation passes the same conformance suite.
pub trait ErasureScheme: Send + Sync {
    /// Number of data blocks, and of blocks that are enough.
    fn k(&self) -> usize;

    /// Number of parity blocks.
    fn m(&self) -> usize;

    /// Number of blocks.
    fn n(&self) -> usize {
        self.k() + self.m()
    }

    /// The m parity blocks of k data blocks of equal length, a multiple of 64 bytes. Each group of 64 bytes is coded by itself:
    /// coding concatenated blocks is the same as concatenating coded blocks.
    ///
    /// # Errors
    /// [`EncodeError::Blocks`] when the blocks are not as described.
    fn encode(&self, data: &[Bytes]) -> Result<Vec<Bytes>, EncodeError>;

    /// The wanted blocks (data or parity, by index) from any k blocks of a stripe, or of several stripes concatenated. A wanted
    /// block that is among those given is copied.
    ///
    /// # Errors
    /// [`ReconstructError`] says whether more blocks would help.
    fn reconstruct(&self, have: &[(u8, &[u8])], want: &[u8]) -> Result<Vec<(u8, Vec<u8>)>, ReconstructError>;
}

/// Why blocks could not be reconstructed.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ReconstructError {
    /// Fewer than k different blocks: fetch more.
    #[error("{have} blocks where {need} are needed")]
    NotEnough {
        /// Different blocks given.
        have: usize,
        /// k.
        need: usize,
    },
    /// Blocks of different lengths, or not a multiple of 64 bytes: the caller mixed stripes or cut a block.
    #[error("blocks must have the same length, a multiple of 64: found {0} bytes")]
    Length(usize),
    /// An index that the scheme does not have.
    #[error("block {index} of a scheme with {n} blocks")]
    Index {
        /// The index.
        index: u8,
        /// How many blocks the scheme has.
        n: usize,
    },
    /// The coder refused what was checked above: a defect of this build.
    #[error("the erasure coder failed: {0}")]
    Coder(reed_solomon_simd::Error),
}

/// The given blocks by index, the first of each; checked for index and length.
pub(super) fn by_index<'a>(
    n: usize,
    have: &[(u8, &'a [u8])],
    want: &[u8],
) -> Result<Vec<Option<&'a [u8]>>, ReconstructError> {
    let mut blocks = vec![None; n];
    let len = have.first().map_or(0, |(_, block)| block.len());
    for (index, block) in have {
        if block.len() != len {
            return Err(ReconstructError::Length(block.len()));
        }
        let place = blocks.get_mut(usize::from(*index)).ok_or(ReconstructError::Index { index: *index, n })?;
        place.get_or_insert(*block);
    }
    match want.iter().find(|index| usize::from(**index) >= n) {
        Some(index) => Err(ReconstructError::Index { index: *index, n }),
        None => Ok(blocks),
    }
}
