//! Rebuilds slivers from the others: one while its blob is still being written, several for repair.

use std::ops::Range;
use std::sync::Arc;

use backends::{SliverName, SliverWriter, StoreError};
use bytes::{Bytes, BytesMut};
use codec::{BlobLayout, Root, SliverSealer};

use crate::domain::StoredBlob;
use crate::objects::committee::Backend;
use crate::objects::error::ObjectsError;
use crate::objects::read::gather::gather_blocks;
use crate::objects::state::Inner;

/// Stripes reconstructed in one step: a decode call has a fixed cost of about 130 us, so it should carry megabytes.
const STRIPES_PER_STEP: u32 = 4;

/// Writes sliver `name.index` of a sealed blob to `target`, its blocks reconstructed from the slivers that exist.
///
/// `ends` are its header and footer, which do not depend on the other slivers' bytes being read.
///
/// # Errors
/// When fewer than k slivers can be read, or the target fails.
pub(crate) async fn sliver(
    inner: &Inner,
    blob: &StoredBlob,
    target: &Arc<Backend>,
    name: SliverName,
    ends: (Bytes, Bytes),
) -> Result<(), ObjectsError> {
    let refused = |error: StoreError| {
        target.write_failed(&error);
        ObjectsError::Unavailable(format!("backend {}: {error}", target.id))
    };
    let mut writer = target.store.create(&name).await.map_err(refused)?;
    let outcome = async {
        writer.write(ends.0).await.map_err(refused)?;
        let mut first = 0;
        while first < blob.layout.stripes() {
            let stripes = first..(first + STRIPES_PER_STEP).min(blob.layout.stripes());
            first = stripes.end;
            writer.write(blocks(inner, blob, name.index, stripes).await?).await.map_err(refused)?;
        }
        writer.write(ends.1).await.map_err(refused)
    };
    match outcome.await {
        Ok(()) => writer.seal().await.map_err(refused),
        Err(error) => {
            writer.abort().await;
            Err(error)
        }
    }
}

/// The blocks of one sliver for a run of stripes.
async fn blocks(inner: &Inner, blob: &StoredBlob, index: u8, stripes: Range<u32>) -> Result<Bytes, ObjectsError> {
    let have = gather_blocks(inner, blob, stripes, &[index]).await?;
    let mut made = reconstructed(inner, blob.layout.shape.scheme, have, vec![index]).await?;
    made.pop().map(|(_, bytes)| Bytes::from(bytes)).ok_or_else(|| ObjectsError::Internal("nothing made".to_owned()))
}

/// The target of a rebuilt sliver.
pub(crate) struct Target {
    pub(crate) backend: Arc<Backend>,
    pub(crate) name: SliverName,
}

/// A target that is being written.
struct RebuildInProgress {
    target: Target,
    writer: Box<dyn SliverWriter>,
    sealer: SliverSealer,
}

/// Makes slivers of a blob again, all from one reading of k others but `without`. Answers those that were sealed, with
/// their roots; a target that fails is left out.
///
/// # Errors
/// When fewer than k slivers can be read.
pub(crate) async fn rebuild_slivers(
    inner: &Inner,
    blob: &StoredBlob,
    without: &[u8],
    targets: Vec<Target>,
) -> Result<Vec<(Target, Root)>, ObjectsError> {
    let layout = blob.layout;
    let held = u64::from(STRIPES_PER_STEP) * layout.shape.stripe_bytes() as u64;
    let _reservation = inner.budget.take(held * 2).await?;
    let mut in_progress = begin(inner, blob, targets).await;
    let mut first = 0;
    while first < layout.stripes() && !in_progress.is_empty() {
        let stripes = first..(first + STRIPES_PER_STEP).min(layout.stripes());
        first = stripes.end;
        let have = gather_blocks(inner, blob, stripes.clone(), without).await;
        have.iter().flatten().for_each(|(_, bytes)| count_read(bytes.len() as u64));
        let wanted: Vec<u8> = in_progress.iter().map(|one| one.target.name.index).collect();
        let made = match have {
            Ok(have) => reconstructed(inner, layout.shape.scheme, have, wanted).await,
            Err(error) => Err(error),
        };
        let mut made = match made {
            Ok(made) => made,
            Err(error) => {
                for one in in_progress {
                    one.writer.abort().await;
                }
                return Err(error);
            }
        };
        let mut going_on = Vec::with_capacity(in_progress.len());
        for one in in_progress {
            let index = one.target.name.index;
            let at = made.iter().position(|(of, _)| *of == index);
            let bytes = at.map(|at| made.swap_remove(at).1).unwrap_or_default();
            going_on.extend(append(one, &layout, stripes.clone(), bytes.into()).await);
        }
        in_progress = going_on;
    }
    let mut sealed = Vec::with_capacity(in_progress.len());
    for one in in_progress {
        sealed.extend(finish(one, &layout).await);
    }
    Ok(sealed)
}

/// Counts bytes that were read of slivers to make others.
pub(crate) fn count_read(bytes: u64) {
    metrics::counter!("haulout_repair_read_bytes_total").increment(bytes);
}

/// Opens the targets and writes their headers.
async fn begin(inner: &Inner, blob: &StoredBlob, targets: Vec<Target>) -> Vec<RebuildInProgress> {
    let mut in_progress = Vec::with_capacity(targets.len());
    for target in targets {
        let identity = blob.sliver_identity(inner.id_generator.cluster, target.name.index);
        let begun = async {
            let mut writer = target.backend.store.create(&target.name).await?;
            writer.write(identity.header_bytes()).await?;
            Ok::<_, StoreError>(writer)
        };
        match begun.await {
            Ok(writer) => {
                in_progress.push(RebuildInProgress { writer, sealer: SliverSealer::new(identity.header()), target })
            }
            Err(error) => target.backend.write_failed(&error),
        }
    }
    in_progress
}

/// Writes one run of blocks; nothing when the target fails.
async fn append(
    mut one: RebuildInProgress,
    layout: &BlobLayout,
    stripes: Range<u32>,
    bytes: Bytes,
) -> Option<RebuildInProgress> {
    let mut rest = &bytes[..];
    for stripe in stripes {
        let (block, after) = rest.split_at_checked(layout.block_len(stripe))?;
        one.sealer.push_block(block);
        rest = after;
    }
    match one.writer.write(bytes).await {
        Ok(()) => Some(one),
        Err(error) => {
            one.target.backend.write_failed(&error);
            one.writer.abort().await;
            None
        }
    }
}

/// Writes the footer and seals; nothing when the target fails.
async fn finish(one: RebuildInProgress, layout: &BlobLayout) -> Option<(Target, Root)> {
    let RebuildInProgress { target, mut writer, sealer } = one;
    let footer = sealer.seal(layout.content_len, layout.catalog_len);
    let sealed = match writer.write(footer.bytes).await {
        Ok(()) => writer.seal().await,
        Err(error) => {
            writer.abort().await;
            Err(error)
        }
    };
    match sealed {
        Ok(()) => Some((target, footer.root)),
        Err(error) => {
            target.backend.write_failed(&error);
            None
        }
    }
}

/// Reconstructs blocks on another thread.
async fn reconstructed(
    inner: &Inner,
    scheme: codec::Scheme,
    have: Vec<(u8, BytesMut)>,
    wanted: Vec<u8>,
) -> Result<Vec<(u8, Vec<u8>)>, ObjectsError> {
    let make = move || {
        let have: Vec<(u8, &[u8])> = have.iter().map(|(at, bytes)| (*at, &bytes[..])).collect();
        codec::reconstruct(scheme, &have, &wanted)
    };
    inner.compute.run(make).await?.map_err(|error| ObjectsError::Internal(error.to_string()))
}
