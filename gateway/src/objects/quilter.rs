//! Quilts: small objects that arrive together are coded, written and committed together.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use backends::{SliverName, StoreError};
use codec::{Catalog, CatalogExtent, EncodedBlob, EncodedSliver, StripeShape};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::ObjectsError;
use super::budget::Reservation;
use super::committee::Member;
use super::digest::Digested;
use super::frames::Frames;
use super::naming::Naming;
use super::scaffold::Scaffold;
use super::sink::{Places, acknowledge};
use super::state::Inner;
use super::stragglers::all_but_stragglers;
use crate::domain::{Extent, Placement, StoredBlob};
use crate::metadata::{Batch, Change, NewBlob, Outcome};
use crate::placement::write_floor;

/// Quilts sealed at the same time. The second overlaps its slivers' syncs with the first's transaction.
const SEALING_MAX: usize = 2;

/// Most objects of one quilt: bounds the transaction.
const PATCHES_MAX: usize = 256;

/// Content up to this is coded where the quilt is sealed; more goes to a thread that computes, where a hop of 15 us no
/// longer matters.
const INLINE_BYTES_MAX: usize = 128 << 10;

/// How much longer than the others one backend may take for a quilt's sliver before the write goes on without it.
const PATIENCE: Duration = Duration::from_secs(5);

/// One small body that joins a quilt.
pub(crate) struct Patch {
    pub(crate) content: Frames,
    pub(crate) naming: Naming,
    pub(crate) digested: Digested,
    /// Makes the change once the extent is known.
    pub(crate) change: Box<dyn FnOnce(Extent) -> Change + Send>,
    pub(crate) reservation: Reservation,
}

struct Waiting {
    patch: Patch,
    answer: oneshot::Sender<Result<Outcome, ObjectsError>>,
}

/// The door to the quilter's task.
#[derive(Debug)]
pub(crate) struct Quilter(mpsc::Sender<Waiting>);

/// The other end of the door.
pub(crate) struct Patches(mpsc::Receiver<Waiting>);

impl Quilter {
    /// A door and what comes through it.
    pub(crate) fn new() -> (Self, Patches) {
        let (sender, receiver) = mpsc::channel(1_024);
        (Self(sender), Patches(receiver))
    }

    /// Joins a quilt and waits until it is committed.
    ///
    /// # Errors
    /// Why the quilt could not be written; nothing became visible.
    pub(crate) async fn join(&self, patch: Patch) -> Result<Outcome, ObjectsError> {
        let gone = || ObjectsError::Unavailable("the gateway is shutting down".to_owned());
        let (answer, outcome) = oneshot::channel();
        self.0.send(Waiting { patch, answer }).await.map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }
}

/// Runs the quilter until the use cases are gone.
pub(crate) fn spawn(inner: Weak<Inner>, patches: Patches) {
    tokio::spawn(run(inner, patches.0));
}

/// Collects patches while the backends are busy, and seals them when a place is free.
///
/// Closed-loop clients come back together after each quilt, so the quilter waits for about as many as last time, but
/// never longer than the linger; after a lone writer it does not wait at all.
async fn run(inner: Weak<Inner>, mut patches: mpsc::Receiver<Waiting>) {
    let places = Arc::new(Semaphore::new(SEALING_MAX));
    let mut expected = 1;
    while let Some(first) = patches.recv().await {
        let Some(state) = inner.upgrade() else { return };
        let settings = state.settings;
        let mut quilt = vec![first];
        let mut bytes = quilt[0].patch.content.len() as u64;
        let deadline = Instant::now() + Duration::from_micros(settings.quilt_linger_us_max);
        let mut place = None;
        loop {
            let full = bytes >= settings.quilt_bytes_max || quilt.len() >= PATCHES_MAX;
            let gathered = quilt.len() >= expected || Instant::now() >= deadline;
            if place.is_some() && (full || gathered) {
                break;
            }
            tokio::select! {
                biased;
                Some(next) = patches.recv(), if !full => {
                    bytes += next.patch.content.len() as u64;
                    quilt.push(next);
                }
                Ok(permit) = Arc::clone(&places).acquire_owned(), if place.is_none() => place = Some(permit),
                () = tokio::time::sleep_until(deadline), if place.is_some() => {}
                else => break,
            }
        }
        expected = quilt.len();
        tokio::spawn(async move {
            seal(&state, quilt).await;
            drop(place);
        });
    }
}

/// Seals what has gathered: one quilt, or one for each scheme where objects of several storage classes came together.
async fn seal(inner: &Inner, quilt: Vec<Waiting>) {
    let mut quilts: Vec<(codec::Scheme, Vec<Waiting>)> = Vec::with_capacity(1);
    for waiting in quilt {
        let scheme = inner.scheme_for(&waiting.patch.naming.attributes);
        match quilts.iter_mut().find(|(other, _)| *other == scheme) {
            Some((_, quilt)) => quilt.push(waiting),
            None => quilts.push((scheme, vec![waiting])),
        }
    }
    futures::future::join_all(quilts.into_iter().map(|(scheme, quilt)| seal_one(inner, scheme, quilt))).await;
}

/// Codes, writes and commits one quilt, and answers everybody in it.
async fn seal_one(inner: &Inner, scheme: codec::Scheme, quilt: Vec<Waiting>) {
    let (patches, answers): (Vec<_>, Vec<_>) = quilt.into_iter().map(|w| (w.patch, w.answer)).unzip();
    match write(inner, scheme, patches).await {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                let _client_may_be_gone = answer.send(Ok(outcome));
            }
        }
        Err(error) => {
            let reason = error.to_string();
            tracing::warn!(%reason, objects = answers.len(), "a quilt could not be written");
            for answer in answers {
                let _client_may_be_gone = answer.send(Err(ObjectsError::Unavailable(reason.clone())));
            }
        }
    }
}

/// Writes one quilt and commits its objects in one transaction.
async fn write(inner: &Inner, scheme: codec::Scheme, patches: Vec<Patch>) -> Result<Vec<Outcome>, ObjectsError> {
    let minted = inner.mint.blob();
    let mut contents = Vec::with_capacity(patches.len());
    let mut offset = 0;
    let mut catalog = Catalog { entries: Vec::with_capacity(patches.len()) };
    let mut changes = Vec::with_capacity(patches.len());
    let mut reservations = Vec::with_capacity(patches.len());
    for patch in patches {
        let length = patch.content.len() as u64;
        let extent = CatalogExtent { object_offset: 0, blob_offset: offset, length };
        catalog.entries.push(patch.naming.entry(vec![extent], Some(&patch.digested)));
        changes.push((patch.change)(Extent { blob: minted.id, offset, length }));
        reservations.push(patch.reservation);
        contents.push(patch.content);
        offset += length;
    }
    let bytes = usize::try_from(offset).unwrap_or(usize::MAX);
    let shape = quilt_shape(scheme, bytes / changes.len().max(1));
    let (cluster, id, key, wrapped) = (inner.mint.cluster, minted.id, minted.key, minted.wrapped);
    let encode = move || {
        let pieces: Vec<&[u8]> = contents.iter().flat_map(Frames::pieces).collect();
        codec::encode_blob_parts(cluster, id, shape, &key, wrapped, &pieces, &catalog.encode())
    };
    let encoded = if bytes <= INLINE_BYTES_MAX { encode() } else { inner.compute.run(encode).await? };
    let encoded = encoded.map_err(|error| ObjectsError::Internal(error.to_string()))?;
    let blob = StoredBlob {
        id,
        layout: encoded.layout,
        wrapped_key: minted.wrapped,
        rewrapped_key: None,
        placements: Vec::new(),
    };
    let (blob, scaffold) = publish(inner, blob, encoded, true).await?;
    scaffold.keep();
    Ok(inner.metadata.commit(inner.mint.incarnation(), Batch { blobs: vec![blob], changes }).await?)
}

/// The shape of a quilt: chunks about as large as its objects, so that reading one decrypts little else.
pub(crate) fn quilt_shape(scheme: codec::Scheme, mean_bytes: usize) -> StripeShape {
    let whole = StripeShape::streaming(scheme);
    let small = StripeShape::quilt(scheme);
    let chunk = u32::try_from(mean_bytes.next_power_of_two()).unwrap_or(u32::MAX);
    let chunk_bytes = chunk.clamp(small.chunk_bytes, whole.chunk_bytes);
    let per_block = u64::from(whole.chunk_bytes) * u64::from(whole.chunks_per_block) / u64::from(chunk_bytes);
    StripeShape { scheme, chunk_bytes, chunks_per_block: u16::try_from(per_block).unwrap_or(u16::MAX).max(1) }
}

/// Puts every sliver of a blob that is whole in memory; a backend that fails is replaced by a spare at once, one that
/// lags behind the others by a spare a little later.
pub(crate) async fn publish(
    inner: &Inner,
    mut blob: StoredBlob,
    encoded: EncodedBlob,
    quilt: bool,
) -> Result<(NewBlob, Scaffold), ObjectsError> {
    let scheme = blob.layout.shape.scheme;
    let Places { members, spares } = inner.place(scheme)?;
    let publish = Publish { inner, spares: Mutex::new(spares), scaffold: Mutex::default() };
    let firsts = encoded.slivers.iter().enumerate().map(|(at, sliver)| {
        let target = members.get(at).cloned();
        publish.put(blob.id, at, sliver, target)
    });
    let floor = write_floor(scheme);
    let firsts = all_but_stragglers(firsts, floor, PATIENCE, Option::is_some).await;
    let mut late = Vec::new();
    for (at, outcome) in firsts.into_iter().enumerate() {
        match outcome {
            Some(placement) => blob.placements.extend(placement),
            None => late.push(at),
        }
    }
    for at in late {
        if let Some(member) = members.get(at) {
            member.write_failed(&StoreError::TimedOut);
        }
        let spare = publish.spare();
        blob.placements.extend(publish.put(blob.id, at, &encoded.slivers[at], spare).await);
    }
    blob.placements.sort_unstable_by_key(|placement| placement.index);
    let scaffold = publish.scaffold.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((acknowledge(blob, quilt)?, scaffold))
}

/// The slivers of one blob being put.
struct Publish<'a> {
    inner: &'a Inner,
    spares: Mutex<Vec<Arc<Member>>>,
    scaffold: Mutex<Scaffold>,
}

impl Publish<'_> {
    /// Puts one sliver to its target, or to the next spare when that fails, until one has it.
    async fn put(
        &self,
        blob: codec::BlobId,
        at: usize,
        sliver: &EncodedSliver,
        mut target: Option<Arc<Member>>,
    ) -> Option<Placement> {
        let index = u8::try_from(at).unwrap_or(u8::MAX);
        while let Some(member) = target {
            let name = SliverName { blob, index, attempt: self.inner.mint.attempt() };
            self.scaffold.lock().unwrap_or_else(PoisonError::into_inner).add(&member, name);
            match member.store.put(&name, sliver.parts.clone()).await {
                Ok(()) => {
                    let (backend, attempt, root) = (member.id.clone(), name.attempt, sliver.root);
                    return Some(Placement { index, backend, attempt, root });
                }
                Err(error) => member.write_failed(&error),
            }
            target = self.spare();
        }
        None
    }

    fn spare(&self) -> Option<Arc<Member>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}
