//! The queue of dead blobs.

use codec::BlobId;

use super::{MetadataStore, Result};
use crate::domain::StoredBlob;

impl MetadataStore {
    /// Sets how long a blob stays readable after its last extent went, in seconds of database time (default 3,600).
    /// It must be longer than the longest GET.
    pub fn set_grace_seconds(&self, seconds: i64) {
        todo!()
    }

    /// Claims dead blobs whose grace is over, for ten minutes. In the same transaction it is checked again that no
    /// extent lies in them; from then on they can never be referenced again.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn reclaimable(&self, limit: usize) -> Result<Vec<StoredBlob>> {
        todo!()
    }

    /// Forgets blobs that were claimed and whose slivers are all gone.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn reclaimed(&self, blobs: &[BlobId]) -> Result<()> {
        todo!()
    }

    /// Forgets what nobody asks for any more: commit tokens after an hour, completed uploads after 24 hours.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn prune(&self) -> Result<()> {
        todo!()
    }
}
