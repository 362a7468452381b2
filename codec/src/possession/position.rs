//! Which bytes of a sliver are asked for.

use crate::BlobLayout;

/// Bytes of a sample: a chunk of BLAKE3. The last sample of a block may be shorter.
pub const SAMPLE_BYTES: usize = blake3::CHUNK_LEN;

/// The place of a sample: a stripe, and which [`SAMPLE_BYTES`] of its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SamplePosition {
    /// The stripe.
    pub stripe: u32,
    /// Which sample of the stripe's block, from 0.
    pub sample: u32,
}

impl SamplePosition {
    /// Samples of each sliver of a blob: what positions are drawn from. Zero for a blob without payload.
    #[must_use]
    pub fn count(layout: &BlobLayout) -> u64 {
        let Some(last) = layout.stripes().checked_sub(1) else { return 0 };
        u64::from(last) * u64::from(samples(layout, 0)) + u64::from(samples(layout, last))
    }

    /// The position with this number, counted from the beginning of the sliver; none from [`SamplePosition::count`] on.
    #[must_use]
    pub fn nth(layout: &BlobLayout, number: u64) -> Option<Self> {
        if number >= Self::count(layout) {
            return None;
        }
        // Only the last stripe may be short, so all before it have as many samples as the first.
        let full = u64::from(samples(layout, 0));
        let stripe = u32::try_from(number / full).ok()?;
        let sample = u32::try_from(number % full).ok()?;
        Some(Self { stripe, sample })
    }

    /// Where the sample begins in its block, and how many bytes it has; none for a position that the blob does not have.
    pub(crate) fn in_block(self, layout: &BlobLayout) -> Option<(usize, usize)> {
        let block_len = layout.block_len(self.stripe);
        let start = usize::try_from(self.sample).ok()?.checked_mul(SAMPLE_BYTES)?;
        let len = block_len.checked_sub(start).filter(|rest| *rest > 0)?.min(SAMPLE_BYTES);
        Some((start, len))
    }
}

fn samples(layout: &BlobLayout, stripe: u32) -> u32 {
    u32::try_from(layout.block_len(stripe).div_ceil(SAMPLE_BYTES)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scheme, StripeShape};

    #[test]
    fn numbers_walk_through_every_sample_in_order() {
        let shape = StripeShape::quilt(Scheme::reed_solomon(4, 2).unwrap());
        for content_len in [0, 1, 4_096, 70_000, 1_048_576, 1_048_577, 3_000_000] {
            let layout = BlobLayout { shape, content_len, catalog_len: 100 };
            let mut expected = Vec::new();
            for stripe in 0..layout.stripes() {
                expected.extend((0..samples(&layout, stripe)).map(|sample| SamplePosition { stripe, sample }));
            }
            let count = SamplePosition::count(&layout);
            assert_eq!(count, expected.len() as u64);
            let walked: Vec<_> = (0..count).map(|number| SamplePosition::nth(&layout, number).unwrap()).collect();
            assert_eq!(walked, expected);
            assert_eq!(SamplePosition::nth(&layout, count), None);
            assert_eq!(SamplePosition::nth(&layout, u64::MAX), None);
        }
        let empty = BlobLayout { shape, content_len: 0, catalog_len: 0 };
        assert_eq!((SamplePosition::count(&empty), SamplePosition::nth(&empty, 0)), (0, None));
    }
}
