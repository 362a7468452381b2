//! What to fetch for a range of a blob.

use std::ops::Range;

use crate::chunk_cipher::TAG_BYTES;
use crate::{BlobLayout, SamplePosition};

/// One contiguous read from one data sliver: whole sealed chunks of one block, and which part of their plaintext is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The stripe.
    pub stripe: u32,
    /// The data sliver, 0 to k-1.
    pub index: u8,
    /// The bytes of the sliver to fetch: whole sealed chunks.
    pub sliver_range: Range<u64>,
    /// Which bytes of the payload they give.
    pub payload_range: Range<u64>,
    /// Number of the first chunk, counted in the blob.
    pub(crate) first_chunk: u64,
    /// Where the sealed chunks begin within the block.
    pub(crate) block_offset: usize,
    /// Plaintext bytes of all fetched chunks.
    pub(crate) plain_len: usize,
    /// Plaintext bytes before the wanted ones.
    pub(crate) skip: usize,
    /// Plaintext bytes wanted.
    pub(crate) take: usize,
    /// Whether the last fetched chunk is the last of the blob.
    pub(crate) ends_blob: bool,
}

impl Piece {
    /// Bytes of payload that the piece gives after opening.
    #[must_use]
    pub fn content_len(&self) -> usize {
        self.take
    }

    /// Where the sealed chunks begin within the block of their stripe.
    #[must_use]
    pub fn block_offset(&self) -> usize {
        self.block_offset
    }

    /// Bytes of the sealed chunks: the length of `sliver_range`, and of what the opener takes.
    #[must_use]
    pub fn sealed_len(&self) -> usize {
        usize::try_from(self.sliver_range.end - self.sliver_range.start).unwrap_or(usize::MAX)
    }
}

impl BlobLayout {
    /// What to fetch to read this range of the payload: ascending, covering the range exactly, each piece in one block of one data
    /// sliver. A range that ends after the payload is cut there.
    pub fn pieces(&self, payload_range: Range<u64>) -> impl Iterator<Item = Piece> + use<> {
        Pieces::new(*self, payload_range)
    }
}

impl BlobLayout {
    /// The chunk of a data sliver that a sample begins in: the least that a reader of that content fetches. None for other slivers, and
    /// where the sliver is only padding.
    #[must_use]
    pub fn piece_at(&self, index: u8, position: SamplePosition) -> Option<Piece> {
        let (start, _) = position.in_block(self)?;
        let (cut, chunk_len) = (self.cut(position.stripe), self.shape.chunk_len());
        let run = cut.run(usize::from(index));
        if usize::from(index) >= self.shape.scheme.k() {
            return None;
        }
        let first = run.start + start / (chunk_len + TAG_BYTES) * chunk_len;
        let last = (first + chunk_len).min(run.end);
        let payload = self.stripe_payload(position.stripe).start;
        (first < last).then(|| self.pieces(payload + first as u64..payload + last as u64).next()).flatten()
    }
}

/// The pieces of a range, ascending.
struct Pieces {
    layout: BlobLayout,
    rest: Range<u64>,
}

impl Pieces {
    fn new(layout: BlobLayout, payload_range: Range<u64>) -> Self {
        Self { layout, rest: payload_range.start..payload_range.end.min(layout.payload_len()) }
    }
}

impl Iterator for Pieces {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let Range { start, end } = self.rest;
        if start >= end {
            return None;
        }
        let shape = self.layout.shape;
        let stripe = u32::try_from(start / shape.stripe_bytes() as u64).ok()?;
        let cut = self.layout.cut(stripe);
        let stripe_start = self.layout.stripe_payload(stripe).start;
        // Within the stripe from here on, so within a usize.
        let from = usize::try_from(start - stripe_start).ok()?;
        let to = usize::try_from((end - stripe_start).min(cut.payload_len() as u64)).ok()?;
        let index = cut.index_of(from);
        let run = cut.run(index);
        let (from, to) = (from - run.start, to.min(run.end) - run.start);

        let chunk = shape.chunk_len();
        let plain = from / chunk * chunk..to.next_multiple_of(chunk).min(run.len());
        let block_offset = cut.sealed_len(plain.start);
        let sealed_len = cut.sealed_len(plain.len());
        let sliver_start = self.layout.block_range(stripe).start.saturating_add(block_offset as u64);
        let payload_range = start..start + (to - from) as u64;
        self.rest.start = payload_range.end;
        Some(Piece {
            stripe,
            index: u8::try_from(index).ok()?,
            sliver_range: sliver_start..sliver_start.saturating_add(sealed_len as u64),
            first_chunk: u64::from(stripe) * shape.chunks_per_stripe()
                + index as u64 * u64::from(shape.chunks_per_block)
                + (plain.start / chunk) as u64,
            block_offset,
            plain_len: plain.len(),
            skip: from - plain.start,
            take: to - from,
            ends_blob: stripe_start + (run.start + plain.end) as u64 == self.layout.payload_len(),
            payload_range,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scheme, StripeShape};

    #[test]
    fn a_sample_lies_in_the_chunk_that_is_read_for_it_or_in_padding() {
        let shape = StripeShape::quilt(Scheme::reed_solomon(4, 2).unwrap());
        for content_len in [1, 4_096, 70_000, 1_048_577, 3_000_000] {
            let layout = BlobLayout { shape, content_len, catalog_len: 100 };
            for number in 0..SamplePosition::count(&layout) {
                let position = SamplePosition::nth(&layout, number).unwrap();
                let (start, _) = position.in_block(&layout).unwrap();
                for index in 0..4 {
                    let Some(piece) = layout.piece_at(index, position) else { continue };
                    assert_eq!((piece.stripe, piece.index, piece.skip), (position.stripe, index, 0));
                    let sealed = piece.block_offset()..piece.block_offset() + piece.sealed_len();
                    let chunk = shape.chunk_len() + TAG_BYTES;
                    assert!(
                        sealed.len() <= chunk && (sealed.start..sealed.start + chunk).contains(&start),
                        "{piece:?}"
                    );
                }
                assert_eq!(layout.piece_at(4, position), None, "nobody reads a chunk of what is no data");
            }
            let first = SamplePosition { stripe: 0, sample: 0 };
            assert!(layout.piece_at(0, first).is_some());
            assert_eq!(layout.piece_at(0, SamplePosition { stripe: 99, sample: 0 }), None);
        }
    }
}
