//! Quilts: small objects that arrive together are coded, written and committed together.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use backends::{SliverName, StoreError};
use codec::{Catalog, CatalogExtent, EncodedBlob, EncodedSliver, StripeShape};
use tokio::sync::Semaphore;

use crate::batching::{Batchable, Batcher, GroupLimits, Groups, Submission, batcher};
use crate::domain::{Extent, Placement, StoredBlob};
use crate::metadata::{Batch, Change, NewBlob, Outcome};
use crate::objects::budget::Reservation;
use crate::objects::committee::Backend;
use crate::objects::digests::digest::Digested;
use crate::objects::error::ObjectsError;
use crate::objects::state::{Inner, ObjectsSettings};
use crate::objects::write::catalog_entry::CatalogEntryBuilder;
use crate::objects::write::frames::Frames;
use crate::objects::write::sink::{PlacementTargets, acknowledge};
use crate::objects::write::stragglers::all_but_stragglers;
use crate::objects::write::uncommitted::UncommittedSlivers;
use crate::placement::write_floor;

/// Quilts sealed at the same time. The second overlaps its slivers' syncs with the first's transaction.
const SEALING_MAX: usize = 2;

/// Most objects of one quilt: bounds the transaction.
const PATCHES_MAX: usize = 256;

/// Patches that may wait before their writers must.
const WAITING_MAX: usize = 1_024;

/// Content up to this is coded where the quilt is sealed; more goes to a thread that computes, where a hop of 15 us no
/// longer matters.
const INLINE_BYTES_MAX: usize = 128 << 10;

/// How much longer than the others one backend may take for a quilt's sliver before the write goes on without it.
const STRAGGLER_WAIT: Duration = Duration::from_secs(5);

/// One small body that joins a quilt.
pub(crate) struct Patch {
    pub(crate) content: Frames,
    pub(crate) catalog_entry: CatalogEntryBuilder,
    pub(crate) digested: Digested,
    /// Makes the change once the extent is known.
    pub(crate) change: Box<dyn FnOnce(Extent) -> Change + Send>,
    pub(crate) reservation: Reservation,
}

impl Batchable for Patch {
    type Answer = Result<Outcome, ObjectsError>;

    fn weight(&self) -> u64 {
        self.content.len() as u64
    }
}

/// Where patches are handed in.
#[derive(Debug)]
pub(crate) struct Quilter(Batcher<Patch>);

impl Quilter {
    /// A place to hand patches in, and where they come out together, for [`spawn`].
    pub(crate) fn new(settings: &ObjectsSettings) -> (Self, Groups<Patch>) {
        let (batcher, groups) = batcher(GroupLimits {
            waiting_max: WAITING_MAX,
            requests_max: PATCHES_MAX,
            weight_max: settings.quilt_bytes_max,
            linger_max: Duration::from_micros(settings.quilt_linger_us_max),
        });
        (Self(batcher), groups)
    }

    /// Joins a quilt and waits until it is committed.
    ///
    /// # Errors
    /// Why the quilt could not be written; nothing became visible.
    pub(crate) async fn join(&self, patch: Patch) -> Result<Outcome, ObjectsError> {
        let gone = |_| ObjectsError::Unavailable("the gateway is shutting down".to_owned());
        self.0.submit(patch).await.map_err(gone)?
    }
}

/// Runs the quilter until the use cases are gone.
pub(crate) fn spawn(inner: Weak<Inner>, groups: Groups<Patch>) {
    tokio::spawn(run(inner, groups));
}

/// Collects patches while the backends are busy, and seals them when a place is free.
async fn run(inner: Weak<Inner>, mut groups: Groups<Patch>) {
    let seal_permits = Arc::new(Semaphore::new(SEALING_MAX));
    while let Some((quilt, seal_permit)) = groups.next(Arc::clone(&seal_permits).acquire_owned()).await {
        let Some(state) = inner.upgrade() else { return };
        tokio::spawn(async move {
            seal(&state, quilt).await;
            drop(seal_permit);
        });
    }
}

/// Seals what has gathered: one quilt, or one for each scheme where objects of several storage classes came together.
async fn seal(inner: &Inner, quilt: Vec<Submission<Patch>>) {
    let mut quilts: Vec<(codec::Scheme, Vec<Submission<Patch>>)> = Vec::with_capacity(1);
    for submission in quilt {
        let scheme = inner.scheme_for(&submission.request.catalog_entry.attributes);
        match quilts.iter_mut().find(|(other, _)| *other == scheme) {
            Some((_, quilt)) => quilt.push(submission),
            None => quilts.push((scheme, vec![submission])),
        }
    }
    futures::future::join_all(quilts.into_iter().map(|(scheme, quilt)| seal_one(inner, scheme, quilt))).await;
}

/// Codes, writes and commits one quilt, and answers everybody in it.
async fn seal_one(inner: &Inner, scheme: codec::Scheme, quilt: Vec<Submission<Patch>>) {
    let (patches, answers): (Vec<_>, Vec<_>) = quilt.into_iter().map(|s| (s.request, s.reply)).unzip();
    match write(inner, scheme, patches).await {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                let _client_may_be_gone = answer.send(Ok(outcome));
            }
        }
        Err(error) => {
            let reason = error.to_string();
            tracing::warn!(%reason, objects = answers.len(), "writing a quilt failed");
            for answer in answers {
                let _client_may_be_gone = answer.send(Err(ObjectsError::Unavailable(reason.clone())));
            }
        }
    }
}

/// Writes one quilt and commits its objects in one transaction.
async fn write(inner: &Inner, scheme: codec::Scheme, patches: Vec<Patch>) -> Result<Vec<Outcome>, ObjectsError> {
    let blob_identity = inner.id_generator.blob();
    let mut contents = Vec::with_capacity(patches.len());
    let mut offset = 0;
    let mut catalog = Catalog { entries: Vec::with_capacity(patches.len()) };
    let mut changes = Vec::with_capacity(patches.len());
    let mut reservations = Vec::with_capacity(patches.len());
    for patch in patches {
        let length = patch.content.len() as u64;
        let extent = CatalogExtent { object_offset: 0, blob_offset: offset, length };
        catalog.entries.push(patch.catalog_entry.entry(vec![extent], Some(&patch.digested)));
        changes.push((patch.change)(Extent { blob: blob_identity.id, offset, length }));
        reservations.push(patch.reservation);
        contents.push(patch.content);
        offset += length;
    }
    let bytes = usize::try_from(offset).unwrap_or(usize::MAX);
    let shape = quilt_shape(scheme, bytes / changes.len().max(1));
    let (cluster, id, key, wrapped) =
        (inner.id_generator.cluster, blob_identity.id, blob_identity.key, blob_identity.wrapped);
    let encode = move || {
        let pieces: Vec<&[u8]> = contents.iter().flat_map(Frames::pieces).collect();
        codec::encode_blob_parts(cluster, id, shape, codec::BlobKeys { key: &key, wrapped }, &pieces, &catalog.encode())
    };
    let encoded = if bytes <= INLINE_BYTES_MAX { encode() } else { inner.compute.run(encode).await? };
    let encoded = encoded.map_err(|error| ObjectsError::Internal(error.to_string()))?;
    let blob = StoredBlob {
        id,
        layout: encoded.layout,
        wrapped_key: blob_identity.wrapped,
        rewrapped_key: None,
        placements: Vec::new(),
    };
    let (blob, uncommitted) = publish(inner, blob, encoded, true).await?;
    uncommitted.keep();
    Ok(inner.metadata.commit(inner.id_generator.incarnation(), Batch { blobs: vec![blob], changes }).await?)
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
) -> Result<(NewBlob, UncommittedSlivers), ObjectsError> {
    let scheme = blob.layout.shape.scheme;
    let PlacementTargets { backends, spares } = inner.choose_backends(scheme)?;
    let publish = Publish { inner, spares: Mutex::new(spares), uncommitted: Mutex::default() };
    let firsts = encoded.slivers.iter().enumerate().map(|(at, sliver)| {
        let target = backends.get(at).cloned();
        publish.put(blob.id, at, sliver, target)
    });
    let floor = write_floor(scheme);
    let firsts = all_but_stragglers(firsts, floor, STRAGGLER_WAIT, Option::is_some).await;
    let mut late = Vec::new();
    for (at, outcome) in firsts.into_iter().enumerate() {
        match outcome {
            Some(placement) => blob.placements.extend(placement),
            None => late.push(at),
        }
    }
    for at in late {
        if let Some(backend) = backends.get(at) {
            backend.write_failed(&StoreError::TimedOut);
        }
        let spare = publish.spare();
        blob.placements.extend(publish.put(blob.id, at, &encoded.slivers[at], spare).await);
    }
    blob.placements.sort_unstable_by_key(|placement| placement.index);
    let uncommitted = publish.uncommitted.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((acknowledge(blob, quilt)?, uncommitted))
}

/// The slivers of one blob being put.
struct Publish<'a> {
    inner: &'a Inner,
    spares: Mutex<Vec<Arc<Backend>>>,
    uncommitted: Mutex<UncommittedSlivers>,
}

impl Publish<'_> {
    /// Puts one sliver to its target, or to the next spare when that fails, until one has it.
    async fn put(
        &self,
        blob: codec::BlobId,
        at: usize,
        sliver: &EncodedSliver,
        mut target: Option<Arc<Backend>>,
    ) -> Option<Placement> {
        let index = u8::try_from(at).unwrap_or(u8::MAX);
        while let Some(backend) = target {
            let name = SliverName { blob, index, attempt: self.inner.id_generator.attempt() };
            self.uncommitted.lock().unwrap_or_else(PoisonError::into_inner).add(&backend, name);
            match backend.store.put(&name, sliver.parts.clone()).await {
                Ok(()) => {
                    let (backend, attempt, root) = (backend.id.clone(), name.attempt, sliver.root);
                    return Some(Placement { index, backend, attempt, root });
                }
                Err(error) => backend.write_failed(&error),
            }
            target = self.spare();
        }
        None
    }

    fn spare(&self) -> Option<Arc<Backend>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}
