//! Opens blobs: looks them up, unwraps their keys and finds their slivers.

use std::sync::Arc;

use codec::{BlobId, BlobOpener};

use crate::domain::StoredBlob;
use crate::objects::error::ObjectsError;
use crate::objects::read::opened_blob::OpenedBlob;
use crate::objects::state::Inner;

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
        let opener = self.opener(&blob)?;
        Ok(OpenedBlob::new(blob, opener, &self.committee))
    }

    /// What opens the chunks of a blob.
    pub(crate) fn opener(&self, blob: &StoredBlob) -> Result<BlobOpener, ObjectsError> {
        let key = self.id_generator.open(&blob.id, blob.rewrapped_key.as_ref().unwrap_or(&blob.wrapped_key));
        let key = key.map_err(|error| ObjectsError::Internal(format!("the key of blob {}: {error}", blob.id)))?;
        Ok(BlobOpener::new(blob.id, &key, blob.layout))
    }

    /// Invalidates the cached blob: a sliver was not where it should be, so it may have moved.
    pub(crate) fn forget_blob(&self, id: &BlobId) {
        self.opened.invalidate(id);
        self.metadata.forget_blob(id);
    }
}
