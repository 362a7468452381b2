//! Reclaim: unreferenced blobs are deleted from the backends, then from the database.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use backends::SliverName;
use codec::BlobId;
use futures::StreamExt as _;

use crate::domain::{BackendId, StoredBlob};
use crate::objects::Objects;
use crate::objects::error::{ObjectsError, fail_at};

/// Blobs claimed at a time: bounds how long a claim must last and how much one step can delete.
pub(super) const CLAIM_MAX: usize = 256;

/// Claims of one step in which no blob can be deleted.
pub(super) const FRUITLESS_CLAIMS_MAX: usize = 16;

/// Bytes of slivers of dead blobs that a backend has deleted; of one that is asked again because others failed, once more. Label: backend.
const RECLAIMED_BYTES: &str = "haulout_reclaimed_bytes_total";

/// Deletions under way at once.
const DELETES_AHEAD: usize = 16;

impl Objects {
    /// Deletes the slivers of dead blobs whose grace is over, or which nobody can read where space is short, and then their rows. A blob with a backend that does
    /// not answer keeps its row and is tried again behind the others, and so does one with a backend that this gateway's
    /// configuration lacks. Returns how many blobs went; zero means there is no more to do now, or nothing may be deleted.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn reclaim(&self) -> Result<usize, ObjectsError> {
        if self.deletion_hold().await?.is_some() {
            return Ok(0);
        }
        let removed = self.inner.metadata.removed_backends().await?;
        let away = Mutex::new(BTreeSet::new());
        for _ in 0..FRUITLESS_CLAIMS_MAX {
            let dead = self.inner.metadata.reclaimable(CLAIM_MAX).await?;
            let claimed = dead.len();
            if claimed > 0 {
                fail_at("reclaim-claimed")?;
            }
            let gone = self.delete_blobs(dead, &removed, &away).await?;
            if gone > 0 {
                return Ok(gone);
            }
            if claimed < CLAIM_MAX {
                break;
            }
        }
        self.reclaim_early(&removed, &away).await
    }

    /// Deletes claimed blobs and puts off those that cannot be deleted now; how many went.
    pub(super) async fn delete_blobs(
        &self,
        dead: Vec<StoredBlob>,
        removed: &BTreeSet<BackendId>,
        away: &Mutex<BTreeSet<BackendId>>,
    ) -> Result<usize, ObjectsError> {
        if !dead.is_empty() {
            self.journal_before_deletion().await?;
        }
        let deletions: Vec<(BlobId, bool)> = futures::stream::iter(dead)
            .map(|blob| async move { (blob.id, self.delete_slivers(&blob, removed, away).await) })
            .buffer_unordered(DELETES_AHEAD)
            .collect()
            .await;
        let (gone, kept): (Vec<_>, Vec<_>) = deletions.into_iter().partition(|(_, gone)| *gone);
        let ids = |blobs: Vec<(BlobId, bool)>| blobs.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        let (gone, kept) = (ids(gone), ids(kept));
        fail_at("slivers-deleted")?;
        self.inner.metadata.reclaimed(&gone).await?;
        if !gone.is_empty() {
            fail_at("reclaim-forgotten")?;
        }
        self.inner.metadata.postpone_reclaim(&kept).await?;
        gone.iter().for_each(|id| self.inner.forget_blob(id));
        Ok(gone.len())
    }

    /// Deletes every sliver of a blob by its exact name; whether all are gone. A backend that has not answered in this step is
    /// not asked again in it.
    async fn delete_slivers(
        &self,
        blob: &StoredBlob,
        removed: &BTreeSet<BackendId>,
        away: &Mutex<BTreeSet<BackendId>>,
    ) -> bool {
        let deletions = blob.placements.iter().map(|placement| async move {
            // Only what was taken out of the cluster has nothing left that could be deleted.
            let Some(backend) = self.inner.committee.backend(&placement.backend) else {
                return removed.contains(&placement.backend);
            };
            if away.lock().unwrap_or_else(PoisonError::into_inner).contains(&backend.id) {
                return false;
            }
            let name = SliverName { blob: blob.id, index: placement.index, attempt: placement.attempt };
            let deleted = backend.store.delete(&name).await;
            if deleted.is_ok() {
                let bytes = blob.layout.sliver_len();
                metrics::counter!(RECLAIMED_BYTES, "backend" => backend.id.to_string()).increment(bytes);
            }
            if let Err(error) = &deleted {
                tracing::debug!(backend = %backend.id, %name, %error, "a sliver of a dead blob could not be deleted; retried later");
                if error.is_about_backend() {
                    away.lock().unwrap_or_else(PoisonError::into_inner).insert(backend.id.clone());
                }
            }
            deleted.is_ok()
        });
        futures::future::join_all(deletions).await.into_iter().all(|gone| gone)
    }
}
