//! Taking a body in: small ones whole, large ones stripe by stripe into blobs.

use bytes::{Bytes, BytesMut};
use codec::{Catalog, CatalogExtent, StripeShape};

use super::body::IncomingBody;
use super::budget::Reservation;
use super::digest::{Digested, Digests};
use super::naming::Naming;
use super::scaffold::Scaffold;
use super::sink::BlobSink;
use super::state::Inner;
use super::{BodyError, BodyPromise, ObjectsError};
use crate::domain::Extent;
use crate::metadata::NewBlob;

/// Stripes' worth of memory a streaming write holds: one being filled, one being coded, two more in the slivers'
/// queues with their parity.
const STRIPES_HELD: u64 = 5;

/// Bodies up to this are digested where they are; more would hold up the reactor for longer than a hop costs.
const INLINE_DIGEST_BYTES_MAX: usize = 32 << 10;

/// A body that was taken in and found true to its promise.
pub(crate) enum Ingested {
    /// All of it in memory, to join a quilt.
    Small { content: Bytes, digested: Digested, reservation: Reservation },
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
    let mut prefix = Vec::new();
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
    let source =
        Source { body, carry: prefix.into(), ended: false, length: 0, length_max: inner.settings.object_bytes_max };
    stream(inner, source, promise, naming, stripe_bytes).await
}

/// Reads frames until the body ends (`true`) or there are more than `bytes_max`.
async fn collect(body: &mut dyn IncomingBody, bytes_max: u64) -> Result<(Vec<Bytes>, bool), ObjectsError> {
    let mut frames = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.next().await? {
        length += frame.len() as u64;
        frames.push(frame);
        if length > bytes_max {
            return Ok((frames, false));
        }
    }
    Ok((frames, true))
}

/// Digests a small body and joins its frames.
async fn digest_small(
    mut frames: Vec<Bytes>,
    promise: &BodyPromise,
    trailer: Option<(crate::domain::ChecksumAlgorithm, Vec<u8>)>,
) -> Result<(Bytes, Digested), ObjectsError> {
    let content = match frames.len() {
        0 | 1 => frames.pop().unwrap_or_default(),
        _ => Bytes::from(frames.concat()),
    };
    let mut digests = Digests::new(promise);
    if content.len() <= INLINE_DIGEST_BYTES_MAX {
        digests.update(&content);
    } else {
        digests = update_elsewhere(digests, content.clone()).await?;
    }
    Ok((content, digests.finish(promise, trailer)?))
}

/// Digests on a blocking thread.
pub(crate) async fn update_elsewhere(mut digests: Digests, bytes: Bytes) -> Result<Digests, ObjectsError> {
    let updated = tokio::task::spawn_blocking(move || {
        digests.update(&bytes);
        digests
    });
    updated.await.map_err(|error| ObjectsError::Internal(error.to_string()))
}

/// A body being cut into stripes.
struct Source {
    body: Box<dyn IncomingBody>,
    carry: std::collections::VecDeque<Bytes>,
    ended: bool,
    length: u64,
    length_max: u64,
}

impl Source {
    /// Fills a buffer with the next `bytes` of content; less only at the end of the body.
    async fn fill(&mut self, bytes: usize) -> Result<BytesMut, ObjectsError> {
        let mut buffer = BytesMut::with_capacity(bytes);
        while buffer.len() < bytes && self.more().await? {
            let Some(frame) = self.carry.front_mut() else { break };
            let part = frame.split_to(frame.len().min(bytes - buffer.len()));
            buffer.extend_from_slice(&part);
            if frame.is_empty() {
                self.carry.pop_front();
            }
        }
        self.length += buffer.len() as u64;
        if self.length > self.length_max {
            return Err(BodyError::TooLarge.into());
        }
        Ok(buffer)
    }

    /// Whether there is more; waits for the next frame to know.
    async fn more(&mut self) -> Result<bool, ObjectsError> {
        while self.carry.is_empty() && !self.ended {
            match self.body.next().await? {
                Some(frame) if frame.is_empty() => {}
                Some(frame) => self.carry.push_back(frame),
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
    let mut next = source.fill(stripe_bytes).await?.freeze();
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
            (digests, next) = (updated?, filled?.freeze());
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
        next = source.fill(stripe_bytes).await?.freeze();
    }
}

/// The end of one blob: its last stripe of content, then the catalog.
struct Sealing {
    content_len: u64,
    object_offset: u64,
    tail: Bytes,
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
        let mut payload = BytesMut::from(self.tail);
        payload.extend_from_slice(&catalog);
        while payload.len() > self.stripe_bytes {
            sink.write_stripe(payload.split_to(self.stripe_bytes).freeze(), false).await?;
        }
        sink.write_stripe(payload.freeze(), true).await?;
        let (blob, scaffold) = sink.seal(inner, self.content_len, catalog_len).await?;
        done.extents.push(Extent { blob: blob.blob.id, offset: 0, length: self.content_len });
        done.blobs.push(blob);
        done.scaffold.join(scaffold);
        Ok(())
    }
}
