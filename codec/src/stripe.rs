//! How one stripe is cut: payload into k runs, a run into chunks, sealed chunks into a block.
//!
//! Encoder and reader both ask here, so they cannot disagree.

use std::ops::Range;

use crate::StripeShape;
use crate::chunk_cipher::TAG_BYTES;

/// Blocks are multiples of this, because Reed-Solomon works in groups of 64 bytes: so blocks of several stripes may be
/// concatenated and decoded in one call.
pub(crate) const BLOCK_GRAIN: usize = 64;

/// The cut of one stripe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StripeCut {
    payload_len: usize,
    run: usize,
    chunk: usize,
}

impl StripeCut {
    /// The cut of a stripe with this many payload bytes.
    pub(crate) fn new(shape: &StripeShape, payload_len: usize) -> Self {
        let run = payload_len.div_ceil(shape.scheme.k()).next_multiple_of(2);
        Self { payload_len, run, chunk: shape.chunk_len() }
    }

    /// Payload bytes of the stripe.
    pub(crate) fn payload_len(&self) -> usize {
        self.payload_len
    }

    /// Payload bytes of data block `index`, as a range of the stripe's payload. The last runs may be short or empty.
    pub(crate) fn run(&self, index: usize) -> Range<usize> {
        (index * self.run).min(self.payload_len)..((index + 1) * self.run).min(self.payload_len)
    }

    /// Which data block holds this payload byte of the stripe.
    pub(crate) fn index_of(&self, position: usize) -> usize {
        position / self.run.max(1)
    }

    /// Bytes of `plain` bytes after sealing, chunk by chunk.
    pub(crate) fn sealed_len(&self, plain: usize) -> usize {
        plain + TAG_BYTES * plain.div_ceil(self.chunk)
    }

    /// Bytes of each of the stripe's n blocks.
    pub(crate) fn block_len(&self) -> usize {
        self.sealed_len(self.run).next_multiple_of(BLOCK_GRAIN)
    }
}
