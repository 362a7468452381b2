//! The steps in which a range of a version is read.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use codec::Piece;
use futures::StreamExt as _;

use crate::domain::{Extent, Peer, Version};
use crate::objects::encryption::content::Decipher;
use crate::objects::error::ObjectsError;
use crate::objects::read::fetch::fetch;
use crate::objects::read::read_memory::Reads;
use crate::objects::state::Inner;

/// Stripes read in one step. Together they are one read of each sliver, and one decode call when some are lost.
const STRIPES_PER_STEP: u32 = 2;

/// Bytes of a version, and whatever reads them.
pub(super) struct ReadSteps {
    pub(super) inner: Arc<Inner>,
    pub(super) version: Arc<Version>,
    pub(super) range: Range<u64>,
    /// Set where the content is encrypted below its digests.
    pub(super) decipher: Option<Decipher>,
    /// Whose share of the memory it takes from.
    pub(super) peer: Option<Peer>,
}

/// A run of pieces of one blob, read together.
struct Step {
    extent: Extent,
    range: Range<u64>,
    /// Where in the version it lies.
    at: u64,
}

impl ReadSteps {
    /// Reads what comes from `from` on, at most `ahead` steps at once, in order.
    pub(super) fn stream(self: Arc<Self>, from: u64, ahead: usize) -> Reads {
        let steps = self.steps(from);
        let read = move |step| {
            let this = Arc::clone(&self);
            async move { this.read(&step).await }
        };
        futures::stream::iter(steps).map(read).buffered(ahead).boxed()
    }

    /// All of it in one step, where that is possible.
    pub(super) async fn read_in_one(&self) -> Option<Result<Vec<Bytes>, ObjectsError>> {
        match &self.steps(self.range.start)[..] {
            [] => Some(Ok(Vec::new())),
            [step] => Some(self.read(step).await),
            _ => None,
        }
    }

    fn steps(&self, from: u64) -> Vec<Step> {
        let bytes = step_bytes(&self.inner);
        let range = from..self.range.end;
        let touched = overlapping(&self.version.extents, &range);
        let mut steps: Vec<_> = match touched[..] {
            [(extent, within)] if within.1 - within.0 <= bytes => {
                vec![Step { extent, range: within.0..within.1, at: 0 }]
            }
            _ => touched.into_iter().flat_map(|(extent, within)| cut(bytes, extent, within)).collect(),
        };
        let mut at = from;
        for step in &mut steps {
            step.at = at;
            at += step.range.end - step.range.start;
        }
        steps
    }

    /// Reads one step and deciphers it.
    async fn read(&self, step: &Step) -> Result<Vec<Bytes>, ObjectsError> {
        let opened = self.inner.opened(&step.extent.blob).await?;
        let pieces: Vec<Piece> = opened.blob.layout.pieces(step.range.clone()).collect();
        let content = fetch(&self.inner, opened, &pieces).await?;
        match &self.decipher {
            None => Ok(content),
            Some(decipher) => decipher.apply(step.at, content),
        }
    }
}

/// Content bytes of one step through a streamed blob.
pub(super) fn step_bytes(inner: &Inner) -> u64 {
    let shape = codec::StripeShape::streaming(inner.schemes.standard);
    shape.stripe_bytes() as u64 * u64::from(STRIPES_PER_STEP)
}

/// The extents a range of the version touches, each with the range of its blob's content.
fn overlapping(extents: &[Extent], range: &Range<u64>) -> Vec<(Extent, (u64, u64))> {
    let mut at = 0;
    let mut touched = Vec::with_capacity(1);
    for extent in extents {
        let start = range.start.max(at);
        let end = range.end.min(at + extent.length);
        if start < end {
            touched.push((*extent, (extent.offset + (start - at), extent.offset + (end - at))));
        }
        at += extent.length;
    }
    touched
}

/// Cuts a range of a blob at multiples of a step, so that every step but the ends reads whole stripes.
fn cut(step: u64, extent: Extent, within: (u64, u64)) -> impl Iterator<Item = Step> {
    let mut at = within.0;
    std::iter::from_fn(move || {
        (at < within.1).then(|| {
            let end = ((at / step + 1) * step).min(within.1);
            let range = at..end;
            at = end;
            Step { extent, range, at: 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::BlobId;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_range_touches_exactly_its_bytes(lengths in proptest::collection::vec(1_u64..50, 0..8), a in 0_u64..400, b in 0_u64..400) {
            let extents: Vec<_> = lengths.iter().enumerate()
                .map(|(at, length)| Extent { blob: BlobId([u8::try_from(at).expect("few"); 16]), offset: 7, length: *length })
                .collect();
            let total: u64 = lengths.iter().sum();
            let range = a.min(b)..a.max(b);
            let touched = overlapping(&extents, &range);
            let bytes: u64 = touched.iter().map(|(_, within)| within.1 - within.0).sum();
            prop_assert_eq!(bytes, range.end.min(total).saturating_sub(range.start.min(total)));
            for (extent, within) in touched {
                prop_assert!(within.0 >= extent.offset && within.1 <= extent.offset + extent.length);
            }
        }
    }
}
