//! A large body on its way into blobs: received, digested, coded and written at the same time.

use bytes::Bytes;
use codec::{Catalog, CatalogExtent, StripeShape};
use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::domain::Extent;
use crate::metadata::NewBlob;
use crate::objects::budget::Reservation;
use crate::objects::digests::digest::{Digested, Digests};
use crate::objects::digests::digest_queue::DigestQueue;
use crate::objects::encryption::content::Encipher;
use crate::objects::error::ObjectsError;
use crate::objects::state::Inner;
use crate::objects::write::entry::{Entry, Ingested};
use crate::objects::write::frames::Frames;
use crate::objects::write::memory::{
    FIRST_BYTES, MemoryGrant, MemoryLevel, STRIPES_HELD, STRIPES_HELD_AMPLE, coded_bytes,
};
use crate::objects::write::sink::BlobSink;
use crate::objects::write::source::{BodySource, Filled};
use crate::objects::write::uncommitted::UncommittedSlivers;

/// Stripes that a write with ample memory handles together. Each hand-over between threads then carries more.
const STRIPES_AT_A_TIME: usize = 4;

/// What comes of sealing a blob.
type Sealed = Result<(Extent, NewBlob, UncommittedSlivers), ObjectsError>;

/// Streams a body into as many blobs as it takes. `spill` is memory for what the source already holds.
///
/// Memory is taken when there are bytes to fill it. A sender that is slow while others wait gets what it has sent written as a
/// short blob, releases its memory, and waits for memory again when it has sent more: so it never holds up those
/// who are fast. After each blob the same goes for everybody, which lets more writes proceed than fit at once.
///
/// # Errors
/// Whatever the body breaks; `Unavailable` when memory or backends are short. Nothing is left behind.
pub(crate) async fn stream(
    inner: &Inner,
    source: BodySource,
    entry: &Entry,
    spill: Option<Reservation>,
) -> Result<Ingested, ObjectsError> {
    let stripe_bytes = StripeShape::streaming(inner.schemes.of(&entry.catalog_entry.attributes)).stripe_bytes();
    let digest_queue = DigestQueue::new(&inner.compute, Digests::new(&entry.promise));
    let mut write = Write {
        inner,
        entry,
        source,
        stripe_bytes,
        digest_queue: Some(digest_queue),
        object_offset: 0,
        done: Vec::new(),
        sealing: None,
    };
    let mut grant = spill.map(|reservation| MemoryGrant::new(MemoryLevel::Spill, reservation));
    loop {
        let held = match grant.take() {
            Some(grant) => grant,
            None => write.acquire_memory().await?,
        };
        let digested = write.blob(held.memory_level).await?;
        // A blob must not be begun for nothing.
        let keeps = held.memory_level == MemoryLevel::Ample && !inner.budget.has_waiters() && write.source.held() > 1;
        if digested.is_some() || !keeps {
            write.finish_sealing().await?;
        }
        if let Some(digested) = digested {
            return Ok(write.ingested(digested));
        }
        grant = keeps.then_some(held);
    }
}

/// A write under way.
struct Write<'a> {
    inner: &'a Inner,
    entry: &'a Entry,
    source: BodySource,
    stripe_bytes: usize,
    /// Absent once the digests are known.
    digest_queue: Option<DigestQueue>,
    /// Where in the object the next blob begins.
    object_offset: u64,
    done: Vec<(Extent, NewBlob, UncommittedSlivers)>,
    /// The blob before, being sealed while this one is written.
    sealing: Option<BoxFuture<'a, Sealed>>,
}

/// The end of a blob's content.
struct Tail {
    content: Frames,
    content_len: u64,
    ends_body: bool,
}

impl<'a> Write<'a> {
    /// Takes memory for the next blob, once there is something to put into it. Nothing else is held meanwhile.
    async fn acquire_memory(&mut self) -> Result<MemoryGrant, ObjectsError> {
        self.source.fill(FIRST_BYTES, || false).await?;
        let budget = self.inner.budget.of(self.source.peer());
        let stripe = self.stripe_bytes as u64;
        if let Some(ample) = budget.try_take(STRIPES_HELD_AMPLE * stripe) {
            return Ok(MemoryGrant::new(MemoryLevel::Ample, ample));
        }
        if let Some(scarce) = budget.try_take(STRIPES_HELD * stripe) {
            return Ok(MemoryGrant::new(MemoryLevel::Scarce, scarce));
        }
        if self.source.is_slow() {
            let held =
                coded_bytes(self.inner.schemes.of(&self.entry.catalog_entry.attributes), self.source.held() as u64);
            return Ok(MemoryGrant::new(MemoryLevel::Spill, budget.take(held).await?));
        }
        Ok(MemoryGrant::new(MemoryLevel::Scarce, budget.take(STRIPES_HELD * stripe).await?))
    }

    /// Writes one blob and begins to seal it. Answers the digests when it holds the body's end.
    async fn blob(&mut self, memory_level: MemoryLevel) -> Result<Option<Digested>, ObjectsError> {
        let mut sink =
            BlobSink::open(self.inner, self.inner.id_generator.blob(), &self.entry.terms(&self.inner.schemes)).await?;
        let before = self.sealing.take();
        let written = self.stripes(&mut sink, memory_level);
        let (tail, before) = match before {
            None => (written.await, None),
            Some(before) => {
                let (tail, before) = futures::join!(written, before);
                (tail, Some(before))
            }
        };
        self.done.extend(before.transpose()?);
        let tail = tail?;
        self.digest_queue()?.push(tail.content.clone(), true).await?;
        let digested = match self.digest_queue.take_if(|_| tail.ends_body) {
            Some(digest_queue) => {
                Some(digest_queue.finish().await?.finish(&self.entry.promise, self.source.trailing_checksum())?)
            }
            None => None,
        };
        self.seal(sink, tail, digested.as_ref()).await?;
        Ok(digested)
    }

    /// Writes a blob's stripes up to its tail. The body's last byte is never written before its end is seen, so that the last blob
    /// can carry the digests.
    async fn stripes(&mut self, sink: &mut BlobSink, memory_level: MemoryLevel) -> Result<Tail, ObjectsError> {
        let stripe = self.stripe_bytes;
        let mut left =
            usize::try_from(self.inner.settings.objects.blob_bytes_max).unwrap_or(usize::MAX) / stripe * stripe;
        let most = if memory_level == MemoryLevel::Ample { STRIPES_AT_A_TIME } else { 1 };
        let budget = &self.inner.budget;
        let has_waiters = || budget.has_waiters();
        let mut turn = 1;
        let mut content_len = 0;
        let mut filled = match memory_level == MemoryLevel::Spill {
            true => Filled::Slow,
            false => self.source.fill(stripe + 1, has_waiters).await?,
        };
        left = left.max(stripe);
        loop {
            let certain = self.source.held().saturating_sub(1) / stripe * stripe;
            let take = certain.min(turn * stripe).min(left - stripe);
            if take == 0 {
                let content = self.tail(filled);
                content_len += content.len() as u64;
                let ends_body = self.source.ended() && self.source.held() == 0;
                return Ok(Tail { content, content_len, ends_body });
            }
            let content = self.source.take(take);
            (content_len, left) = (content_len + take as u64, left - take);
            self.digest_queue()?.push(content.clone(), memory_level == MemoryLevel::Ample).await?;
            // It begins with little, so that a short body does not wait for itself, and soon takes several at a time.
            turn = (turn * 2).min(most);
            let more = async {
                if filled == Filled::Slow { Ok(filled) } else { self.source.fill(turn * stripe + 1, has_waiters).await }
            };
            let offset = self.object_offset + content_len - take as u64;
            let (inner, run) = (self.inner, self.entry.run.as_ref());
            let code = async {
                let content = Encipher::apply_offloaded(run, inner, offset, content).await?;
                sink.write_stripes(content, false).await
            };
            let (coded, more) = tokio::join!(code, more);
            coded?;
            filled = more?;
        }
    }

    /// The last stripe of a blob's content: everything, or all but a byte of a body that may go on.
    fn tail(&mut self, filled: Filled) -> Frames {
        let held = self.source.held();
        let most = if filled == Filled::Ended || self.source.ended() { held } else { held.saturating_sub(1) };
        self.source.take(most.min(self.stripe_bytes))
    }

    fn digest_queue(&self) -> Result<&DigestQueue, ObjectsError> {
        self.digest_queue
            .as_ref()
            .ok_or_else(|| ObjectsError::Internal("more content after the end of a body".to_owned()))
    }

    /// Begins the end of a blob: its last stripe of content, the catalog, the seals. It goes on when it is waited for.
    async fn seal(&mut self, sink: BlobSink, tail: Tail, digested: Option<&Digested>) -> Result<(), ObjectsError> {
        let content_len = tail.content_len;
        let extent = CatalogExtent { object_offset: self.object_offset, blob_offset: 0, length: content_len };
        let catalog = Catalog { entries: vec![self.entry.catalog_entry.entry(vec![extent], digested)] }.encode();
        self.object_offset += content_len;
        let offset = self.object_offset - tail.content.len() as u64;
        let content = Encipher::apply_offloaded(self.entry.run.as_ref(), self.inner, offset, tail.content).await?;
        self.sealing = Some(seal(self.inner, sink, content, content_len, catalog).boxed());
        Ok(())
    }

    async fn finish_sealing(&mut self) -> Result<(), ObjectsError> {
        if let Some(sealing) = self.sealing.take() {
            self.done.push(sealing.await?);
        }
        Ok(())
    }

    fn ingested(self, digested: Digested) -> Ingested {
        let mut uncommitted = UncommittedSlivers::default();
        let mut extents = Vec::with_capacity(self.done.len());
        let mut blobs = Vec::with_capacity(self.done.len());
        for (extent, blob, made) in self.done {
            extents.push(extent);
            blobs.push(blob);
            uncommitted.join(made);
        }
        Ingested::Streamed { extents, blobs, digested, uncommitted }
    }
}

async fn seal(inner: &Inner, mut sink: BlobSink, tail: Frames, content_len: u64, catalog: Vec<u8>) -> Sealed {
    let catalog_len = u32::try_from(catalog.len()).map_err(|_| ObjectsError::TooLarge)?;
    let mut payload = tail;
    payload.push(Bytes::from(catalog));
    sink.write_stripes(payload, true).await?;
    let (blob, uncommitted) = sink.seal(inner, content_len, catalog_len).await?;
    Ok((Extent { blob: blob.blob.id, offset: 0, length: content_len }, blob, uncommitted))
}
