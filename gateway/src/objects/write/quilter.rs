//! Quilts: small objects that arrive together are coded, written and committed together.

use std::sync::Arc;
use std::time::Duration;

use codec::{Catalog, CatalogExtent, StripeShape};
use tokio::sync::Semaphore;

use crate::batching::{Batchable, Batcher, GroupLimits, Groups, Submission, batcher};
use crate::domain::{Extent, StoredBlob};
use crate::metadata::{Batch, Change, MetadataStore, Outcome};
use crate::objects::budget::Reservation;
use crate::objects::committee::Committee;
use crate::objects::compute::Compute;
use crate::objects::digests::digest::Digested;
use crate::objects::error::ObjectsError;
use crate::objects::id_generator::IdGenerator;
use crate::objects::schemes::BlobTerms;
use crate::objects::settings::ObjectsSettings;
use crate::objects::write::catalog_entry::CatalogEntryBuilder;
use crate::objects::write::frames::Frames;
use crate::objects::write::publish::publish;

/// Quilts sealed at the same time. The second overlaps its slivers' syncs with the first's transaction.
const SEALING_MAX: usize = 2;

/// Most objects of one quilt: bounds the transaction.
const PATCHES_MAX: usize = 256;

/// Patches that may wait before their writers must.
const WAITING_MAX: usize = 1_024;

/// Content up to this is coded where the quilt is sealed; more goes to a thread that computes, where a hop of 15 us no
/// longer matters.
const INLINE_BYTES_MAX: usize = 128 << 10;

/// One small body that joins a quilt.
pub(crate) struct Patch {
    pub(crate) content: Frames,
    pub(crate) catalog_entry: CatalogEntryBuilder,
    /// It shares a quilt only with what is to be coded and placed alike.
    pub(crate) terms: BlobTerms,
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

/// What it takes to write a quilt.
#[derive(Clone)]
pub(crate) struct QuiltWriter {
    /// Where quilts are committed.
    pub(crate) metadata: MetadataStore,
    /// Who takes their slivers.
    pub(crate) committee: Arc<Committee>,
    /// Names them.
    pub(crate) id_generator: Arc<IdGenerator>,
    /// Codes them.
    pub(crate) compute: Compute,
}

impl Quilter {
    /// Starts the task that seals what is handed in. It ends when the quilter is dropped. Must be called within a tokio
    /// runtime.
    pub(crate) fn start(settings: &ObjectsSettings, writer: QuiltWriter) -> Self {
        let (batcher, groups) = batcher(GroupLimits {
            waiting_max: WAITING_MAX,
            requests_max: PATCHES_MAX,
            weight_max: settings.objects.quilt_bytes_max,
            linger_max: Duration::from_millis(settings.objects.linger_ms),
        });
        tokio::spawn(run(Arc::new(writer), groups));
        Self(batcher)
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

/// Collects patches while the backends are busy, and seals them when a place is free.
async fn run(writer: Arc<QuiltWriter>, mut groups: Groups<Patch>) {
    let seal_permits = Arc::new(Semaphore::new(SEALING_MAX));
    while let Some((quilt, seal_permit)) = groups.next(Arc::clone(&seal_permits).acquire_owned()).await {
        let writer = Arc::clone(&writer);
        tokio::spawn(async move {
            seal(&writer, quilt).await;
            drop(seal_permit);
        });
    }
}

/// Seals what has gathered: one quilt, or one for each of the terms where objects of several storage classes, or of buckets with different
/// placement rules, came together.
async fn seal(writer: &QuiltWriter, quilt: Vec<Submission<Patch>>) {
    let mut quilts: Vec<(BlobTerms, Vec<Submission<Patch>>)> = Vec::with_capacity(1);
    for submission in quilt {
        match quilts.iter_mut().find(|(terms, _)| *terms == submission.request.terms) {
            Some((_, quilt)) => quilt.push(submission),
            None => quilts.push((submission.request.terms.clone(), vec![submission])),
        }
    }
    futures::future::join_all(quilts.into_iter().map(|(terms, quilt)| seal_one(writer, terms, quilt))).await;
}

/// Codes, writes and commits one quilt, and answers everybody in it.
async fn seal_one(writer: &QuiltWriter, terms: BlobTerms, quilt: Vec<Submission<Patch>>) {
    let (patches, answers): (Vec<_>, Vec<_>) = quilt.into_iter().map(|s| (s.request, s.reply)).unzip();
    match write(writer, &terms, patches).await {
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
async fn write(writer: &QuiltWriter, terms: &BlobTerms, patches: Vec<Patch>) -> Result<Vec<Outcome>, ObjectsError> {
    let id_generator = &*writer.id_generator;
    let blob_identity = id_generator.blob();
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
    let shape = quilt_shape(terms.scheme, bytes / changes.len().max(1));
    let (cluster, id, key, wrapped) =
        (id_generator.cluster, blob_identity.id, blob_identity.key, blob_identity.wrapped);
    let encode = move || {
        let pieces: Vec<&[u8]> = contents.iter().flat_map(Frames::pieces).collect();
        codec::encode_blob_parts(cluster, id, shape, codec::BlobKeys { key: &key, wrapped }, &pieces, &catalog.encode())
    };
    let encoded = if bytes <= INLINE_BYTES_MAX { encode() } else { writer.compute.run(encode).await? };
    let encoded = encoded.map_err(|error| ObjectsError::Internal(error.to_string()))?;
    let blob = StoredBlob {
        id,
        layout: encoded.layout,
        wrapped_key: blob_identity.wrapped,
        rewrapped_key: None,
        placements: Vec::new(),
    };
    let (blob, uncommitted) = publish(&writer.committee, id_generator, terms, blob, encoded).await?;
    let sent = uncommitted.sent();
    let committed = writer.metadata.commit(id_generator.incarnation(), Batch { blobs: vec![blob], changes }).await;
    sent.settle(&committed, |outcomes| outcomes.iter().any(Outcome::is_made));
    Ok(committed?)
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
