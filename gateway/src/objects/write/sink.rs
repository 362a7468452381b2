//! One blob being streamed: stripes in, sealed slivers out.

use std::collections::VecDeque;
use std::sync::Arc;

use backends::SliverName;
use bytes::Bytes;
use codec::{BlobEncoder, BlobLayout, EncodeError, StripeShape};

use crate::domain::{Placement, StoredBlob};
use crate::metadata::NewBlob;
use crate::objects::committee::Backend;
use crate::objects::compute::Compute;
use crate::objects::error::ObjectsError;
use crate::objects::id_generator::NewBlobIdentity;
use crate::objects::maintenance::rebuild;
use crate::objects::schemes::BlobTerms;
use crate::objects::state::Inner;
use crate::objects::write::fanout::Fanout;
use crate::objects::write::frames::Frames;
use crate::objects::write::targets::{PlacementTargets, acknowledge, choose_targets};
use crate::objects::write::uncommitted::UncommittedSlivers;
use crate::placement::write_floor;

/// A blob that takes stripes.
pub(crate) struct BlobSink {
    blob_identity: NewBlobIdentity,
    shape: StripeShape,
    compute: Compute,
    /// Absent only while a stripe is being coded on another thread.
    encoder: Option<BlobEncoder>,
    fanout: Fanout,
    spares: VecDeque<Arc<Backend>>,
    uncommitted: UncommittedSlivers,
}

impl BlobSink {
    /// Chooses backends and starts the slivers with their headers.
    pub(crate) async fn open(
        inner: &Inner,
        blob_identity: NewBlobIdentity,
        terms: &BlobTerms,
    ) -> Result<Self, ObjectsError> {
        let scheme = terms.scheme;
        let shape = StripeShape::streaming(scheme);
        let PlacementTargets { backends, spares } = choose_targets(&inner.committee, terms, &blob_identity.id)?;
        let encoder = BlobEncoder::new(
            inner.id_generator.cluster,
            blob_identity.id,
            shape,
            &blob_identity.key,
            blob_identity.wrapped,
        );
        let mut fanout =
            Fanout::start(blob_identity.id, backends, write_floor(scheme), || inner.id_generator.attempt());
        let mut uncommitted = UncommittedSlivers::default();
        for sliver_task in fanout.sliver_tasks() {
            uncommitted.add(&sliver_task.backend, sliver_task.name);
        }
        fanout.write(encoder.headers().into_iter().map(|header| vec![header]).collect()).await;
        let compute = inner.compute.clone();
        Ok(Self { blob_identity, shape, compute, encoder: Some(encoder), fanout, spares, uncommitted })
    }

    /// Codes stripes on a thread that computes and queues their blocks. Every stripe but the `last` of all is full. Stripes that
    /// come together are handed on together, which saves most of the hand-overs.
    pub(crate) async fn write_stripes(&mut self, payload: Frames, last: bool) -> Result<(), ObjectsError> {
        let mut encoder = self.encoder.take().ok_or_else(|| ObjectsError::Internal("no encoder".to_owned()))?;
        let stripe_bytes = self.shape.stripe_bytes();
        let code = move || {
            let blocks = encode_stripes(&mut encoder, payload, stripe_bytes, last);
            (encoder, blocks)
        };
        let (encoder, blocks) = self.compute.run(code).await?;
        self.encoder = Some(encoder);
        self.fanout.write(blocks.map_err(|error| ObjectsError::Internal(error.to_string()))?).await;
        Ok(())
    }

    /// Seals every sliver, rebuilds lost ones on spares, and applies the acknowledgement rule.
    ///
    /// # Errors
    /// `Unavailable` when fewer slivers are durable than the floor; what was sealed is removed.
    pub(crate) async fn seal(
        mut self,
        inner: &Inner,
        content_len: u64,
        catalog_len: u32,
    ) -> Result<(NewBlob, UncommittedSlivers), ObjectsError> {
        let encoder = self.encoder.take().ok_or_else(|| ObjectsError::Internal("no encoder".to_owned()))?;
        let headers = encoder.headers();
        let footers =
            encoder.finish(content_len, catalog_len).map_err(|error| ObjectsError::Internal(error.to_string()))?;
        let bytes: Vec<Bytes> = footers.iter().map(|footer| footer.bytes.clone()).collect();
        self.fanout.write(bytes.iter().map(|footer| vec![footer.clone()]).collect()).await;
        let placement = |index: u8, backend: &Backend, name: &SliverName| Placement {
            index,
            backend: backend.id.clone(),
            attempt: name.attempt,
            root: footers[usize::from(index)].root,
        };
        let sealed = self.fanout.seal().await;
        let placements = sealed
            .iter()
            .map(|sliver_task| placement(sliver_task.index, &sliver_task.backend, &sliver_task.name))
            .collect();
        let layout = BlobLayout { shape: self.shape, content_len, catalog_len };
        let mut blob = StoredBlob {
            id: self.blob_identity.id,
            layout,
            wrapped_key: self.blob_identity.wrapped,
            rewrapped_key: None,
            placements,
        };
        for index in missing(&blob) {
            let ends = (headers[usize::from(index)].clone(), bytes[usize::from(index)].clone());
            if let Some((spare, name)) = self.rebuild_on_spare(inner, &blob, index, ends).await {
                blob.placements.push(placement(index, &spare, &name));
            }
        }
        blob.placements.sort_unstable_by_key(|placement| placement.index);
        Ok((acknowledge(blob, false)?, self.uncommitted))
    }
}

/// The blocks of each sliver, one for each stripe of the payload.
fn encode_stripes(
    encoder: &mut BlobEncoder,
    mut payload: Frames,
    stripe_bytes: usize,
    last: bool,
) -> Result<Vec<Vec<Bytes>>, EncodeError> {
    let mut blocks: Vec<Vec<Bytes>> = Vec::new();
    while !payload.is_empty() {
        let stripe = payload.take(stripe_bytes);
        let coded = encoder.encode_stripe_parts(&stripe.slices(), last && payload.is_empty())?;
        blocks.resize_with(coded.len(), Vec::new);
        blocks.iter_mut().zip(coded).for_each(|(sliver, block)| sliver.push(block));
    }
    Ok(blocks)
}

impl BlobSink {
    /// Rebuilds one lost sliver on the first spare that takes it.
    async fn rebuild_on_spare(
        &mut self,
        inner: &Inner,
        blob: &StoredBlob,
        index: u8,
        ends: (Bytes, Bytes),
    ) -> Option<(Arc<Backend>, SliverName)> {
        while let Some(spare) = self.spares.pop_front() {
            let name = SliverName { blob: blob.id, index, attempt: inner.id_generator.attempt() };
            self.uncommitted.add(&spare, name);
            match rebuild::sliver(inner, blob, &spare, name, ends.clone()).await {
                Ok(()) => return Some((spare, name)),
                Err(error) => {
                    tracing::warn!(backend = %spare.id, %error, "rebuilding a sliver on a spare backend failed")
                }
            }
        }
        None
    }
}

/// Indices that no backend holds.
fn missing(blob: &StoredBlob) -> Vec<u8> {
    let n = u8::try_from(blob.layout.shape.scheme.n()).unwrap_or(u8::MAX);
    (0..n).filter(|index| blob.placements.iter().all(|placement| placement.index != *index)).collect()
}
