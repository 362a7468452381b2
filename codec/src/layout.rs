//! Where each byte of a blob lies in each sliver.

use std::ops::Range;

use crate::StripeShape;
use crate::sliver::{FOOTER_TAIL_BYTES, HEADER_BYTES, LEAF_BYTES};
use crate::stripe::StripeCut;

/// Most stripes of a blob: bounds what a footer may make a reader allocate (2 MiB of leaves).
pub const STRIPES_MAX: u32 = 1 << 16;

/// The shape and lengths of a blob. Its *payload* is its content followed by its catalog; the payload is what is encrypted and coded.
///
/// All functions are total: a layout with absurd numbers (they come from databases and from untrusted files) gives saturated answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobLayout {
    /// How it is cut.
    pub shape: StripeShape,
    /// Bytes of content: what extents point into.
    pub content_len: u64,
    /// Bytes of the catalog that follows the content; may be zero.
    pub catalog_len: u32,
}

impl BlobLayout {
    /// Bytes of content and catalog.
    #[must_use]
    pub fn payload_len(&self) -> u64 {
        self.content_len.saturating_add(u64::from(self.catalog_len))
    }

    /// Number of stripes; zero when there is no payload. Only the last may be short.
    #[must_use]
    pub fn stripes(&self) -> u32 {
        u32::try_from(self.payload_len().div_ceil(self.shape.stripe_bytes() as u64)).unwrap_or(u32::MAX)
    }

    /// Bytes of each block of a stripe; zero for a stripe that does not exist.
    #[must_use]
    pub fn block_len(&self, stripe: u32) -> usize {
        self.cut(stripe).block_len()
    }

    /// Where a stripe's block lies within any sliver.
    #[must_use]
    pub fn block_range(&self, stripe: u32) -> Range<u64> {
        let start = self.block_start(stripe);
        start..start.saturating_add(self.block_len(stripe) as u64)
    }

    /// Where the blocks of these stripes lie within any sliver: one contiguous range.
    #[must_use]
    pub fn blocks_range(&self, stripes: Range<u32>) -> Range<u64> {
        let start = self.block_start(stripes.start);
        start..self.block_start(stripes.end).max(start)
    }

    /// Bytes of every sliver's header.
    #[must_use]
    pub fn header_len() -> u64 {
        HEADER_BYTES as u64
    }

    /// Where the footer lies within any sliver: all that follows the blocks.
    #[must_use]
    pub fn footer_range(&self) -> Range<u64> {
        let start = self.block_start(self.stripes());
        let footer_len = u64::from(self.stripes()) * LEAF_BYTES as u64 + FOOTER_TAIL_BYTES as u64;
        start..start.saturating_add(footer_len)
    }

    /// Bytes of each sliver.
    #[must_use]
    pub fn sliver_len(&self) -> u64 {
        self.footer_range().end
    }

    /// Bytes of all n slivers: what is metered.
    #[must_use]
    pub fn encoded_len(&self) -> u64 {
        self.sliver_len().saturating_mul(self.shape.scheme.n() as u64)
    }

    /// Which stripes hold this range of the payload.
    #[must_use]
    pub fn stripes_of(&self, payload_range: Range<u64>) -> Range<u32> {
        let stripe_bytes = self.shape.stripe_bytes() as u64;
        let end = payload_range.end.min(self.payload_len());
        if payload_range.start >= end {
            return 0..0;
        }
        let number = |stripe: u64| u32::try_from(stripe).unwrap_or(u32::MAX);
        number(payload_range.start / stripe_bytes)..number(end.div_ceil(stripe_bytes))
    }

    /// Which range of the payload a stripe holds.
    #[must_use]
    pub fn stripe_payload(&self, stripe: u32) -> Range<u64> {
        let stripe_bytes = self.shape.stripe_bytes() as u64;
        let start = u64::from(stripe).saturating_mul(stripe_bytes).min(self.payload_len());
        start..start.saturating_add(stripe_bytes).min(self.payload_len())
    }

    pub(crate) fn cut(&self, stripe: u32) -> StripeCut {
        let payload = self.stripe_payload(stripe);
        // A stripe is never longer than `stripe_bytes`, which is a usize.
        let len = usize::try_from(payload.end - payload.start).unwrap_or(self.shape.stripe_bytes());
        StripeCut::new(&self.shape, len)
    }

    /// Where a stripe's block begins; the footer's place for the number after the last.
    fn block_start(&self, stripe: u32) -> u64 {
        let stripe = stripe.min(self.stripes());
        let full = StripeCut::new(&self.shape, self.shape.stripe_bytes()).block_len() as u64;
        match stripe.checked_sub(1) {
            None => Self::header_len(),
            // Only the last stripe may be short.
            Some(before) => u64::from(before)
                .saturating_mul(full)
                .saturating_add(Self::header_len())
                .saturating_add(self.block_len(before) as u64),
        }
    }
}
