//! Leaves of blocks that stream by.

use crate::merkle::{Hash, LEAF_KEY};

/// Hashes blocks, one after the other, as their bytes come in any portions.
pub(super) struct LeafHasher {
    leaves: Vec<Hash>,
    block: blake3::Hasher,
    /// Bytes that the current block still lacks; zero when no other is expected.
    rest: usize,
}

impl LeafHasher {
    /// The first block has so many bytes.
    pub(super) fn new(first_len: usize) -> Self {
        Self { leaves: Vec::new(), block: blake3::Hasher::new_keyed(LEAF_KEY), rest: first_len }
    }

    /// Hashes what belongs to blocks and returns what follows them. `len` says how long the block of a stripe is; zero ends them.
    pub(super) fn push<'a>(&mut self, mut bytes: &'a [u8], len: impl Fn(u32) -> usize) -> &'a [u8] {
        while self.rest > 0 && !bytes.is_empty() {
            let (now, after) = bytes.split_at(self.rest.min(bytes.len()));
            self.block.update(now);
            self.rest -= now.len();
            bytes = after;
            if self.rest == 0 {
                self.leaves.push(*self.block.finalize().as_bytes());
                self.block.reset();
                self.rest = len(u32::try_from(self.leaves.len()).unwrap_or(u32::MAX));
            }
        }
        bytes
    }

    /// The leaves of the blocks that are complete.
    pub(super) fn leaves(&self) -> &[Hash] {
        &self.leaves
    }
}
