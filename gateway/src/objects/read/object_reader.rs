//! GET: the bytes of a version, verified before they leave.

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use codec::Piece;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};

use crate::domain::{ChecksumAlgorithm, Extent, Version};
use crate::objects::Objects;
use crate::objects::budget::Reservation;
use crate::objects::encryption::content::Decipher;
use crate::objects::encryption::data_key::DataKey;
use crate::objects::error::ObjectsError;
use crate::objects::read::fetch::fetch;
use crate::objects::state::Inner;
use crate::objects::write::body::IncomingBody;
use crate::objects::write::body_error::BodyError;

/// Stripes read in one step. Together they are one read of each sliver, and one decode call when some are lost.
const STRIPES_PER_STEP: u32 = 2;

/// Steps under way at once: one is being sent while the next is being read.
const STEPS_AHEAD: usize = 2;

/// The bytes of a version. An `Err` item means that the rest cannot be had: the connection must be cut.
pub struct ObjectReader {
    ready: VecDeque<Bytes>,
    rest: Option<BoxStream<'static, Result<Vec<Bytes>, ObjectsError>>>,
    _reservation: Option<Reservation>,
}

impl ObjectReader {
    fn of(ready: Vec<Bytes>) -> Self {
        Self { ready: ready.into(), rest: None, _reservation: None }
    }

    /// All of it, when it is one piece that is already here.
    pub fn whole(&mut self) -> Option<Bytes> {
        (self.rest.is_none() && self.ready.len() <= 1).then(|| self.ready.pop_front().unwrap_or_default())
    }
}

impl Stream for ObjectReader {
    type Item = Result<Bytes, ObjectsError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(bytes)));
            }
            let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
            match rest.poll_next_unpin(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(step))) => self.ready = step.into(),
                Poll::Ready(Some(Err(error))) => {
                    self.rest = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => self.rest = None,
            }
        }
    }
}

/// What is read of one version is written as another.
#[async_trait]
impl IncomingBody for ObjectReader {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        futures::StreamExt::next(self).await.transpose().map_err(|error| BodyError::Source(error.to_string()))
    }

    fn trailing_checksum(&mut self) -> Option<(ChecksumAlgorithm, Vec<u8>)> {
        None
    }
}

/// A run of pieces of one blob, read together.
struct Step {
    extent: Extent,
    range: Range<u64>,
    /// Where in the version it lies.
    at: u64,
}

impl Objects {
    /// Reads a range of a version. The first bytes have been fetched and verified when this returns.
    ///
    /// # Errors
    /// `Unavailable` when fewer than k slivers of a blob can be read.
    pub async fn read(&self, version: Arc<Version>, range: Range<u64>) -> Result<ObjectReader, ObjectsError> {
        self.read_with(version, range, None).await
    }

    /// The same for a version that may be encrypted with the client's key.
    ///
    /// # Errors
    /// As [`read`](Self::read), and what [`resolve_key`](Self::resolve_key) says.
    pub async fn read_with(
        &self,
        version: Arc<Version>,
        range: Range<u64>,
        customer: Option<&DataKey>,
    ) -> Result<ObjectReader, ObjectsError> {
        let encryption = version.attributes.encryption.as_ref();
        let decipher = match (encryption, self.resolve_key(encryption, customer).await?) {
            (Some(encryption), Some(key)) => Some(Arc::new(Decipher::new(encryption, &key, &range)?)),
            _ => None,
        };
        let mut extents = overlapping(&version.extents, &range);
        if let [(extent, within)] = extents[..]
            && within.1 - within.0 <= single_step_bytes(&self.inner)
        {
            let _reservation = self.inner.read_budget.take(within.1 - within.0).await?;
            let step = Step { extent, range: within.0..within.1, at: range.start };
            return read_step(&self.inner, &step, decipher.as_deref()).await.map(ObjectReader::of);
        }
        let (reservation, steps_ahead) = self.inner.reserve_steps().await?;
        let inner = Arc::clone(&self.inner);
        let mut steps: Vec<_> = extents.drain(..).flat_map(|(extent, within)| cut(&inner, extent, within)).collect();
        let mut at = range.start;
        for step in &mut steps {
            step.at = at;
            at += step.range.end - step.range.start;
        }
        let mut rest = futures::stream::iter(steps)
            .map(move |step| {
                let (inner, decipher) = (Arc::clone(&inner), decipher.clone());
                async move { read_step(&inner, &step, decipher.as_deref()).await }
            })
            .buffered(steps_ahead)
            .boxed();
        let ready = rest.next().await.transpose()?.unwrap_or_default();
        Ok(ObjectReader { ready: ready.into(), rest: Some(rest), _reservation: Some(reservation) })
    }
}

impl Inner {
    /// Memory for a stream of steps, and how many of them may be under way: fewer when memory is short.
    async fn reserve_steps(&self) -> Result<(Reservation, usize), ObjectsError> {
        let step = single_step_bytes(self);
        match self.read_budget.try_take(step * STEPS_AHEAD as u64) {
            Some(reservation) => Ok((reservation, STEPS_AHEAD)),
            None => Ok((self.read_budget.take(step).await?, 1)),
        }
    }
}

/// Content bytes of one step through a streamed blob.
fn single_step_bytes(inner: &Inner) -> u64 {
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
fn cut(inner: &Inner, extent: Extent, within: (u64, u64)) -> impl Iterator<Item = Step> + use<> {
    let step = single_step_bytes(inner);
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

/// Reads one step and deciphers it.
async fn read_step(inner: &Inner, step: &Step, decipher: Option<&Decipher>) -> Result<Vec<Bytes>, ObjectsError> {
    let content = fetch_step(inner, step).await?;
    match decipher {
        None => Ok(content),
        Some(decipher) => decipher.apply(step.at, content),
    }
}

/// Fetches one step.
async fn fetch_step(inner: &Inner, step: &Step) -> Result<Vec<Bytes>, ObjectsError> {
    let opened = inner.opened(&step.extent.blob).await?;
    let pieces: Vec<Piece> = opened.blob.layout.pieces(step.range.clone()).collect();
    fetch(inner, opened, &pieces).await
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
