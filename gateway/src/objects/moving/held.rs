//! What each backend holds, by the rows.

use std::collections::BTreeMap;

use crate::domain::BackendId;
use crate::objects::Objects;
use crate::objects::error::ObjectsError;

/// Blobs looked at with one query.
const PAGE: usize = 1_000;

/// What lives on a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Slivers.
    pub slivers: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Objects {
    /// What every backend holds of blobs in which something lives, exactly. Reads the rows of all slivers.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn held(&self) -> Result<BTreeMap<BackendId, Held>, ObjectsError> {
        let mut held = BTreeMap::<BackendId, Held>::new();
        let mut after = None;
        loop {
            let page = self.inner.metadata.live_blobs(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(held) };
            after = Some(last.id);
            for blob in &page {
                let len = blob.layout.sliver_len();
                for placement in &blob.placements {
                    let entry = held.entry(placement.backend.clone()).or_default();
                    entry.slivers += 1;
                    entry.bytes = entry.bytes.saturating_add(len);
                }
            }
        }
    }
}
