//! A sliver that is sound and goes elsewhere is copied: each of its bytes is read once, and proven against its root in SQL before the copy is
//! sealed.

use backends::{SliverName, StoreError};
use codec::SliverVerifier;

use crate::domain::{Placement, StoredBlob};
use crate::objects::committee::Backend;
use crate::objects::error::ObjectsError;
use crate::objects::maintenance::rebuild::{self, Target};
use crate::objects::state::Inner;

/// Bytes read in one step. While they are written, the next are read.
const STEP_BYTES: u64 = 1 << 20;

/// What became of a copy.
pub(crate) enum Copied {
    /// It is there.
    Sealed(Target),
    /// What is to be copied cannot be read, or is not what it should be; nothing was sealed, and the name is free.
    SourceFailed(Target),
    /// Its backend failed, and the name may be taken.
    TargetFailed,
}

/// Why a copy ends early.
enum Failure {
    Source(StoreError),
    Target(StoreError),
}

/// Copies a sliver from where it is to the target.
///
/// # Errors
/// `Unavailable` when there is no memory for it.
pub(crate) async fn copy_sliver(
    inner: &Inner,
    blob: &StoredBlob,
    (old, source): (&Placement, &Backend),
    target: Target,
) -> Result<Copied, ObjectsError> {
    let len = blob.layout.sliver_len();
    let _reservation = inner.budget.take(len.min(STEP_BYTES) * 2).await?;
    let identity = blob.sliver_identity(inner.id_generator.cluster, old.index);
    let name = SliverName { blob: blob.id, index: old.index, attempt: old.attempt };
    let mut writer = match target.backend.store.create(&target.name).await {
        Ok(writer) => writer,
        Err(error) => {
            target.backend.write_failed(&error);
            return Ok(Copied::TargetFailed);
        }
    };
    let copying = async {
        let mut verifier = SliverVerifier::new(identity, old.root);
        let mut at = 0;
        let mut read = source.store.read(&name, at..len.min(STEP_BYTES)).await;
        while at < len {
            let bytes = read.map_err(Failure::Source)?.freeze();
            verifier.push(&bytes);
            at = (at + STEP_BYTES).min(len);
            let next = async {
                match at < len {
                    true => source.store.read(&name, at..(at + STEP_BYTES).min(len)).await,
                    false => Ok(bytes::BytesMut::new()),
                }
            };
            let (written, following) = futures::future::join(writer.write(bytes), next).await;
            written.map_err(Failure::Target)?;
            read = following;
        }
        verifier.finish().map_err(|error| Failure::Source(StoreError::Damaged { reason: error.to_string() }))
    };
    match copying.await {
        Ok(()) => {}
        Err(Failure::Source(error)) => {
            writer.abort().await;
            tracing::info!(backend = %source.id, %name, %error, "a sliver that is to move cannot be copied and is rebuilt");
            return Ok(Copied::SourceFailed(target));
        }
        Err(Failure::Target(error)) => {
            writer.abort().await;
            target.backend.write_failed(&error);
            return Ok(Copied::TargetFailed);
        }
    }
    rebuild::count_read(len);
    match writer.seal().await {
        Ok(()) => Ok(Copied::Sealed(target)),
        Err(error) => {
            target.backend.write_failed(&error);
            Ok(Copied::TargetFailed)
        }
    }
}
