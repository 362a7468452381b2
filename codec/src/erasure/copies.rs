//! `copy-N`: every block is the data block.

use bytes::Bytes;

use super::erasure_scheme::{ErasureScheme, ReconstructError, by_index};
use crate::EncodeError;
use crate::stripe::BLOCK_GRAIN;

/// n equal blocks.
pub(super) struct Copies {
    n: usize,
}

impl Copies {
    pub(super) fn new(n: usize) -> Self {
        Self { n }
    }
}

impl ErasureScheme for Copies {
    fn k(&self) -> usize {
        1
    }

    fn m(&self) -> usize {
        self.n - 1
    }

    fn encode(&self, data: &[Bytes]) -> Result<Vec<Bytes>, EncodeError> {
        match data {
            [block] if block.len().is_multiple_of(BLOCK_GRAIN) => Ok(vec![block.clone(); self.m()]),
            _ => Err(EncodeError::Blocks),
        }
    }

    fn reconstruct(&self, have: &[(u8, &[u8])], want: &[u8]) -> Result<Vec<(u8, Vec<u8>)>, ReconstructError> {
        let blocks = by_index(self.n, have, want)?;
        let any = blocks.iter().flatten().next().ok_or(ReconstructError::NotEnough { have: 0, need: 1 })?;
        if !any.len().is_multiple_of(BLOCK_GRAIN) {
            return Err(ReconstructError::Length(any.len()));
        }
        Ok(want.iter().map(|index| (*index, blocks[usize::from(*index)].unwrap_or(any).to_vec())).collect())
    }
}
