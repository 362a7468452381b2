//! Taking a body in: small ones whole, large ones stripe by stripe into blobs.

use bytes::Bytes;
use codec::{Catalog, CatalogExtent, StripeShape};

use super::body::IncomingBody;
use super::budget::Reservation;
use super::digest::{Digested, Digests};
use super::frames::Frames;
use super::naming::Naming;
use super::scaffold::Scaffold;
use super::sink::BlobSink;
use super::state::Inner;
use super::{BodyError, BodyPromise, ObjectsError};
use crate::domain::Extent;
use crate::metadata::NewBlob;

/// Stripes' worth of memory a streaming write is reserved: one being received, one being coded, and with their parity
/// one being written and one waiting in the slivers' queues. Thirty-two such writes fit the default budget.
const STRIPES_HELD: u64 = 4;

/// Bodies up to this are digested where they are; more would hold up the reactor for longer than a hop costs.
const INLINE_DIGEST_BYTES_MAX: usize = 32 << 10;

/// A body that was taken in and found true to its promise.
pub(crate) enum Ingested {
    /// All of it in memory, to join a quilt.
    Small { content: Frames, digested: Digested, reservation: Reservation },
    /// Sealed in blobs of its own, not yet committed.
    Streamed { extents: Vec<Extent>, blobs: Vec<NewBlob>, digested: Digested, scaffold: Scaffold },
}

/// Reads a body to its end.
///
/// # Errors
/// Whatever the body breaks; `Unavailable` when memory or backends are short. Nothing is left behind.
pub(crate) async fn ingest(
    inner: &Inner,
    mut body: Box<dyn IncomingBody>,
    promise: &BodyPromise,
    naming: &Naming,
) -> Result<Ingested, ObjectsError> {
    let small_max = inner.settings.quilt_object_bytes_max;
    if promise.length.is_some_and(|length| length > inner.settings.object_bytes_max) {
        return Err(ObjectsError::TooLarge);
    }
    let mut prefix = Frames::default();
    if promise.length.is_none_or(|length| length <= small_max) {
        let reservation = inner.budget.take(promise.length.unwrap_or(small_max)).await?;
        match collect(&mut *body, small_max).await? {
            (frames, true) => {
                let (content, digested) = digest_small(frames, promise, body.trailing_checksum()).await?;
                return Ok(Ingested::Small { content, digested, reservation });
            }
            (frames, false) => prefix = frames,
        }
    }
    let stripe_bytes = StripeShape::streaming(inner.scheme).stripe_bytes();
    let _reservation = inner.budget.take(STRIPES_HELD * stripe_bytes as u64).await?;
    let source = Source { body, carry: prefix, ended: false, length: 0, length_max: inner.settings.object_bytes_max };
    stream(inner, source, promise, naming, stripe_bytes).await
}

/// Reads frames until the body ends (`true`) or there are more than `bytes_max`.
async fn collect(body: &mut dyn IncomingBody, bytes_max: u64) -> Result<(Frames, bool), ObjectsError> {
    let mut frames = Frames::default();
    while let Some(frame) = body.next().await? {
        frames.push(frame);
        if frames.len() as u64 > bytes_max {
            return Ok((frames, false));
        }
    }
    Ok((frames, true))
}

/// Digests a small body.
async fn digest_small(
    content: Frames,
    promise: &BodyPromise,
    trailer: Option<(crate::domain::ChecksumAlgorithm, Vec<u8>)>,
) -> Result<(Frames, Digested), ObjectsError> {
    let mut digests = Digests::new(promise);
    if content.len() <= INLINE_DIGEST_BYTES_MAX {
        content.pieces().for_each(|piece| digests.update(piece));
    } else {
        digests = update_elsewhere(digests, content.clone()).await?;
    }
    Ok((content, digests.finish(promise, trailer)?))
}

/// Digests on a blocking thread.
pub(crate) async fn update_elsewhere(mut digests: Digests, content: Frames) -> Result<Digests, ObjectsError> {
    let updated = tokio::task::spawn_blocking(move || {
        content.pieces().for_each(|piece| digests.update(piece));
        digests
    });
    updated.await.map_err(|error| ObjectsError::Internal(error.to_string()))
}

/// A body being cut into stripes.
struct Source {
    body: Box<dyn IncomingBody>,
    carry: Frames,
    ended: bool,
    length: u64,
    length_max: u64,
}

impl Source {
    /// The next `bytes` of content; less only at the end of the body.
    async fn fill(&mut self, bytes: usize) -> Result<Frames, ObjectsError> {
        while self.carry.len() < bytes && !self.ended {
            match self.body.next().await? {
                Some(frame) => self.carry.push(frame),
                None => self.ended = true,
            }
        }
        let stripe = self.carry.take(bytes);
        self.length += stripe.len() as u64;
        if self.length > self.length_max {
            return Err(BodyError::TooLarge.into());
        }
        Ok(stripe)
    }

    /// Whether there is more; waits for the next frame to know.
    async fn more(&mut self) -> Result<bool, ObjectsError> {
        while self.carry.is_empty() && !self.ended {
            match self.body.next().await? {
                Some(frame) => self.carry.push(frame),
                None => self.ended = true,
            }
        }
        Ok(!self.carry.is_empty())
    }
}

/// What streaming has produced so far.
struct Streamed {
    extents: Vec<Extent>,
    blobs: Vec<NewBlob>,
    scaffold: Scaffold,
}

/// Streams a body into as many blobs as it takes. While one stripe is digested and coded, the next is received.
async fn stream(
    inner: &Inner,
    mut source: Source,
    promise: &BodyPromise,
    naming: &Naming,
    stripe_bytes: usize,
) -> Result<Ingested, ObjectsError> {
    let mut digests = Digests::new(promise);
    let mut done = Streamed { extents: Vec::new(), blobs: Vec::new(), scaffold: Scaffold::default() };
    let blob_stripes = (inner.settings.blob_bytes_max / stripe_bytes as u64).max(1);
    let mut next = source.fill(stripe_bytes).await?;
    loop {
        let mut sink = BlobSink::open(inner).await?;
        let mut content_len = 0;
        for stripe in 1..=blob_stripes {
            let current = next;
            content_len += current.len() as u64;
            let more = source.more().await?;
            if stripe == blob_stripes || !more {
                // The catalog still has to follow, so this is not the last stripe but its content may be short.
                digests = update_elsewhere(digests, current.clone()).await?;
                next = current;
                break;
            }
            let digest = update_elsewhere(digests, current.clone());
            let (updated, coded, filled) =
                tokio::join!(digest, sink.write_stripe(current, false), source.fill(stripe_bytes));
            (digests, next) = (updated?, filled?);
            coded?;
        }
        let object_offset = source.length - content_len;
        let last = !source.more().await?;
        let (digested, open_digests) = if last {
            (Some(digests.finish(promise, source.body.trailing_checksum())?), None)
        } else {
            (None, Some(digests))
        };
        let sealing = Sealing { content_len, object_offset, tail: next, stripe_bytes };
        sealing.seal(inner, sink, naming, digested.as_ref(), &mut done).await?;
        match (digested, open_digests) {
            (None, Some(open)) => digests = open,
            (Some(digested), _) => {
                let Streamed { extents, blobs, scaffold } = done;
                return Ok(Ingested::Streamed { extents, blobs, digested, scaffold });
            }
            (None, None) => return Err(ObjectsError::Internal("digests were lost".to_owned())),
        }
        next = source.fill(stripe_bytes).await?;
    }
}

/// The end of one blob: its last stripe of content, then the catalog.
struct Sealing {
    content_len: u64,
    object_offset: u64,
    tail: Frames,
    stripe_bytes: usize,
}

impl Sealing {
    async fn seal(
        self,
        inner: &Inner,
        mut sink: BlobSink,
        naming: &Naming,
        digested: Option<&Digested>,
        done: &mut Streamed,
    ) -> Result<(), ObjectsError> {
        let extent = CatalogExtent { object_offset: self.object_offset, blob_offset: 0, length: self.content_len };
        let catalog = Catalog { entries: vec![naming.entry(vec![extent], digested)] }.encode();
        let catalog_len = u32::try_from(catalog.len()).map_err(|_| ObjectsError::TooLarge)?;
        let mut payload = self.tail;
        payload.push(Bytes::from(catalog));
        while payload.len() > self.stripe_bytes {
            sink.write_stripe(payload.take(self.stripe_bytes), false).await?;
        }
        sink.write_stripe(payload, true).await?;
        let (blob, scaffold) = sink.seal(inner, self.content_len, catalog_len).await?;
        done.extents.push(Extent { blob: blob.blob.id, offset: 0, length: self.content_len });
        done.blobs.push(blob);
        done.scaffold.join(scaffold);
        Ok(())
    }
}
