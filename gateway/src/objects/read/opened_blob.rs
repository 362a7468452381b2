//! A blob with its data key unwrapped, ready to be read.

use std::sync::Arc;

use codec::{BlobId, BlobOpener};

use crate::domain::{Placement, StoredBlob};
use crate::objects::committee::Backend;
use crate::objects::error::ObjectsError;
use crate::objects::state::Inner;

/// A blob that can be read.
pub(crate) struct OpenedBlob {
    pub(crate) blob: Arc<StoredBlob>,
    pub(crate) opener: BlobOpener,
    /// The slivers by index: where each is, if it is anywhere.
    slivers: Vec<Option<(Arc<Backend>, Placement)>>,
}

impl OpenedBlob {
    /// Where the sliver with this index is.
    pub(crate) fn sliver(&self, index: u8) -> Option<&(Arc<Backend>, Placement)> {
        self.slivers.get(usize::from(index)).and_then(Option::as_ref)
    }

    /// Indices of every sliver that is somewhere.
    pub(crate) fn indices(&self) -> impl Iterator<Item = u8> + '_ {
        self.slivers.iter().flatten().map(|(_, placement)| placement.index)
    }
}

impl Inner {
    /// Looks a blob up, in memory first.
    ///
    /// # Errors
    /// `Internal` when rows name a blob that is gone or a key that does not open: damaged metadata.
    pub(crate) async fn opened(&self, id: &BlobId) -> Result<Arc<OpenedBlob>, ObjectsError> {
        if let Some(opened) = self.opened.get(id) {
            return Ok(opened);
        }
        let blob = self.metadata.blob(id).await?;
        let blob = blob.ok_or_else(|| ObjectsError::Internal(format!("blob {id} is referenced and has no row")))?;
        let opened = Arc::new(self.open_blob(blob)?);
        self.opened.insert(*id, Arc::clone(&opened));
        Ok(opened)
    }

    /// Unwraps a blob's key and finds its slivers' backends.
    pub(crate) fn open_blob(&self, blob: Arc<StoredBlob>) -> Result<OpenedBlob, ObjectsError> {
        let key = self.id_generator.open(&blob.id, blob.rewrapped_key.as_ref().unwrap_or(&blob.wrapped_key));
        let key = key.map_err(|error| ObjectsError::Internal(format!("the key of blob {}: {error}", blob.id)))?;
        let opener = BlobOpener::new(blob.id, &key, blob.layout);
        let mut slivers = vec![None; blob.layout.shape.scheme.n()];
        for placement in &blob.placements {
            let slot = slivers.get_mut(usize::from(placement.index));
            if let (Some(slot), Some(backend)) = (slot, self.committee.backend(&placement.backend)) {
                *slot = Some((Arc::clone(backend), placement.clone()));
            }
        }
        Ok(OpenedBlob { blob, opener, slivers })
    }

    /// Invalidates the cached blob: a sliver was not where it should be, so it may have moved.
    pub(crate) fn forget_blob(&self, id: &BlobId) {
        self.opened.invalidate(id);
        self.metadata.forget_blob(id);
    }
}
