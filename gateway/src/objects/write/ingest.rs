//! Receives a body: small ones whole, large ones stripe by stripe into blobs.

use crate::objects::digests::digest::{Digested, Digests};
use crate::objects::encryption::content::Encipher;
use crate::objects::error::ObjectsError;
use crate::objects::state::Inner;
use crate::objects::write::body::{BodyPromise, IncomingBody};
use crate::objects::write::entry::{Entry, Ingested};
use crate::objects::write::frames::Frames;
use crate::objects::write::memory::{FIRST_BYTES, coded_bytes};
use crate::objects::write::source::{BodySource, Filled};
use crate::objects::write::streaming::stream;

/// Bodies up to this are digested where they are; more would hold up the reactor for longer than a hop costs.
const INLINE_DIGEST_BYTES_MAX: usize = 32 << 10;

/// Reads a body to its end.
///
/// # Errors
/// Whatever the body breaks; `Unavailable` when memory or backends are short. Nothing is left behind.
pub(crate) async fn ingest(
    inner: &Inner,
    body: Box<dyn IncomingBody>,
    entry: &Entry,
) -> Result<Ingested, ObjectsError> {
    let promise = &entry.promise;
    let small_max = inner.settings.objects.quilt_object_bytes_max;
    if promise.length.is_some_and(|length| length > inner.settings.object_bytes_max) {
        return Err(ObjectsError::TooLarge);
    }
    let mut source = BodySource::new(body, inner.settings.object_bytes_max);
    let first = source.fill(FIRST_BYTES, || false).await?;
    if promise.length.is_some_and(|length| length > small_max) {
        return stream(inner, source, entry, None).await;
    }
    let to_come = if first == Filled::Ended { source.held() as u64 } else { promise.length.unwrap_or(small_max) };
    let coded = coded_bytes(inner.schemes.of(&entry.catalog_entry.attributes), to_come);
    let reservation = inner.budget.of(source.peer()).take(coded).await?;
    let above = usize::try_from(small_max).unwrap_or(usize::MAX).saturating_add(1);
    match source.fill(above, || inner.budget.has_waiters()).await? {
        Filled::Ended => {
            let content = source.take(source.held());
            let (content, digested) = digest_small(inner, content, promise, source.trailing_checksum()).await?;
            let content = match &entry.run {
                Some(run) if content.len() <= INLINE_DIGEST_BYTES_MAX => run.apply(0, &content)?,
                run => Encipher::apply_offloaded(run.as_ref(), inner, 0, content).await?,
            };
            Ok(Ingested::Small { content, digested, reservation })
        }
        // What was received becomes a blob with the memory it has; the rest waits for memory.
        Filled::Slow => stream(inner, source, entry, Some(reservation)).await,
        Filled::Full => {
            drop(reservation);
            stream(inner, source, entry, None).await
        }
    }
}

/// Digests a small body.
async fn digest_small(
    inner: &Inner,
    content: Frames,
    promise: &BodyPromise,
    trailer: Option<(crate::domain::ChecksumAlgorithm, Vec<u8>)>,
) -> Result<(Frames, Digested), ObjectsError> {
    let mut digests = Digests::new(promise);
    if content.len() <= INLINE_DIGEST_BYTES_MAX {
        content.pieces().for_each(|piece| digests.update(piece));
    } else {
        digests = update_offloaded(inner, digests, content.clone()).await?;
    }
    Ok((content, digests.finish(promise, trailer)?))
}

/// Digests on a thread that computes.
pub(crate) async fn update_offloaded(
    inner: &Inner,
    mut digests: Digests,
    content: Frames,
) -> Result<Digests, ObjectsError> {
    let update = move || {
        content.pieces().for_each(|piece| digests.update(piece));
        digests
    };
    inner.compute.run(update).await
}
