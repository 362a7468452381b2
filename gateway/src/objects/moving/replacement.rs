//! Backends that are replaced: what they hold goes to their successors, and then they leave the cluster.
//!
//! A replacement is two columns of the old backend's row, as a drain is. A gateway that does not know the successor, because its configuration
//! lacks it, leaves the old backend as it was: it would put elsewhere what is there.

use std::collections::BTreeMap;

use crate::domain::{BackendId, StoredBlob};
use crate::objects::Objects;
use crate::objects::error::ObjectsError;

impl Objects {
    /// The backends that are replaced by one that this gateway knows, each with its successor.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn known_successors(&self) -> Result<BTreeMap<BackendId, BackendId>, ObjectsError> {
        let mut successors = self.inner.metadata.successors().await?;
        successors.retain(|_, successor| self.inner.committee.backend(successor).is_some());
        Ok(successors)
    }

    /// The slivers of a blob that lie on replaced backends, each with the position of the successor.
    pub(crate) fn successors_of(
        &self,
        blob: &StoredBlob,
        successors: &BTreeMap<BackendId, BackendId>,
    ) -> Vec<(u8, usize)> {
        let position = |backend| successors.get(backend).and_then(|successor| self.inner.committee.position(successor));
        let placed = blob.placements.iter();
        placed.filter_map(|one| position(&one.backend).map(|target| (one.index, target))).collect()
    }

    /// The replaced backends on which nothing is left.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn replaced_and_empty(&self) -> Result<Vec<(BackendId, BackendId)>, ObjectsError> {
        let mut empty = Vec::new();
        for (old, successor) in self.known_successors().await? {
            // Once it has left, nobody deletes what was replaced there.
            let metadata = &self.inner.metadata;
            if metadata.slivers_on(&old).await? == 0 && !metadata.has_discards_on(&old).await? {
                empty.push((old, successor));
            }
        }
        Ok(empty)
    }
}
