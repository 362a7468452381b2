//! Deletes slivers that were replaced. A backend that does not answer is left alone for a while, longer each time, and takes no turns meanwhile.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use backends::SliverName;
use futures::StreamExt as _;
use tokio::time::Instant;

use crate::domain::BackendId;
use crate::metadata::SliverLocation;
use crate::objects::Objects;
use crate::objects::error::{ObjectsError, fail_at};

/// Replaced slivers deleted in one step.
const DISCARDS_PER_STEP: usize = 256;

/// Deletions under way at once.
const DELETES_AHEAD: usize = 16;

impl Objects {
    /// Deletes slivers that were replaced. Returns how many went.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn discard(&self) -> Result<usize, ObjectsError> {
        if self.deletion_hold().await?.is_some() {
            return Ok(0);
        }
        // What was taken out of the cluster has nothing left that could be deleted, if this gateway does not know it any more.
        let removed = self.inner.metadata.removed_backends().await?;
        let members = self.inner.committee.backends().iter().map(|backend| backend.id.clone());
        let asked: BTreeSet<BackendId> = members.chain(removed.iter().cloned()).collect();
        let asked = self.inner.discard_pauses.due(asked, Instant::now());
        let claimed = self.inner.metadata.discardable(&asked, DISCARDS_PER_STEP).await?;
        if claimed.is_empty() {
            return Ok(0);
        }
        // Whoever rebuilds the database without knowing of the moves looks for them here.
        self.journal_before_deletion().await?;
        fail_at("discard-claimed")?;
        let away = Mutex::new(BTreeSet::new());
        let deletions: Vec<_> = futures::stream::iter(claimed)
            .map(|location| self.delete_replaced(location, &away))
            .buffer_unordered(DELETES_AHEAD)
            .collect()
            .await;
        let gone: Vec<SliverLocation> = deletions.into_iter().flatten().collect();
        let answered: BTreeSet<&BackendId> = gone.iter().map(|location| &location.backend).collect();
        let away = away.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.inner.discard_pauses.note(&answered, &away, Instant::now());
        fail_at("discard-deleted")?;
        let count = gone.len();
        self.inner.metadata.discarded(gone).await?;
        Ok(count)
    }

    /// Deletes one; nothing when it is still there, or was not asked for because its backend is away.
    async fn delete_replaced(
        &self,
        location: SliverLocation,
        away: &Mutex<BTreeSet<BackendId>>,
    ) -> Option<SliverLocation> {
        let name = SliverName { blob: location.blob, index: location.index, attempt: location.attempt };
        let Some(backend) = self.inner.committee.backend(&location.backend) else { return Some(location) };
        // One that did not answer is not asked again in this step: the others' slivers would wait for it.
        if away.lock().unwrap_or_else(PoisonError::into_inner).contains(&backend.id) {
            return None;
        }
        match backend.store.delete(&name).await {
            Ok(()) => Some(location),
            Err(error) => {
                tracing::debug!(backend = %backend.id, %name, %error, "a replaced sliver could not be deleted; retried later");
                if error.is_about_backend() {
                    away.lock().unwrap_or_else(PoisonError::into_inner).insert(backend.id.clone());
                }
                None
            }
        }
    }
}
