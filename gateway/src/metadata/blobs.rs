//! Reading blobs.

use std::sync::Arc;

use codec::BlobId;

use super::{MetadataStore, Result};
use crate::domain::StoredBlob;

impl MetadataStore {
    /// A blob with its placements. Cached, because only repair ever changes a blob.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn blob(&self, id: &BlobId) -> Result<Option<Arc<StoredBlob>>> {
        todo!()
    }

    /// Drops a blob from the cache, because its slivers were not where the cache says.
    pub fn forget_blob(&self, id: &BlobId) {
        todo!()
    }

    /// Blobs in the order of their ids, after one.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn blobs_after(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<StoredBlob>> {
        todo!()
    }
}
