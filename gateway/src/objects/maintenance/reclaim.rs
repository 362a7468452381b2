//! Reclaim: unreferenced blobs are deleted from the backends, then from the database.

use std::collections::BTreeSet;

use backends::SliverName;
use futures::StreamExt as _;

use crate::domain::{BackendId, StoredBlob};
use crate::objects::Objects;
use crate::objects::error::ObjectsError;

/// Blobs claimed at a time: bounds how long a claim must last and how much one step can delete.
const CLAIM_MAX: usize = 256;

/// Deletions under way at once.
const DELETES_AHEAD: usize = 16;

impl Objects {
    /// Deletes the slivers of dead blobs whose grace is over, and then their rows. A blob with a backend that does
    /// not answer keeps its row and is tried again, and so does one with a backend that this gateway's configuration lacks.
    /// Returns how many blobs went; zero means there is no more to do now, or nothing may be deleted.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn reclaim(&self) -> Result<usize, ObjectsError> {
        if self.deletion_hold().await?.is_some() {
            return Ok(0);
        }
        let dead = self.inner.metadata.reclaimable(CLAIM_MAX).await?;
        let removed = &self.inner.metadata.removed_backends().await?;
        let gone: Vec<_> = futures::stream::iter(dead)
            .map(|blob| async move { self.delete_slivers(&blob, removed).await.then_some(blob.id) })
            .buffer_unordered(DELETES_AHEAD)
            .filter_map(std::future::ready)
            .collect()
            .await;
        self.inner.metadata.reclaimed(&gone).await?;
        gone.iter().for_each(|id| self.inner.forget_blob(id));
        Ok(gone.len())
    }

    /// Deletes every sliver of a blob by its exact name; whether all are gone.
    async fn delete_slivers(&self, blob: &StoredBlob, removed: &BTreeSet<BackendId>) -> bool {
        let deletions = blob.placements.iter().map(|placement| async move {
            // Only what was taken out of the cluster has nothing left that could be deleted.
            let Some(backend) = self.inner.committee.backend(&placement.backend) else {
                return removed.contains(&placement.backend);
            };
            let name = SliverName { blob: blob.id, index: placement.index, attempt: placement.attempt };
            let deleted = backend.store.delete(&name).await;
            if let Err(error) = &deleted {
                tracing::debug!(backend = %backend.id, %name, %error, "a sliver of a dead blob could not be deleted; retried later");
            }
            deleted.is_ok()
        });
        futures::future::join_all(deletions).await.into_iter().all(|gone| gone)
    }
}
