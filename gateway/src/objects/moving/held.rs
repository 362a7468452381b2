//! What each backend holds, by the rows.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::{BackendId, Timestamp};
use crate::metadata::HeldSample;
use crate::objects::Objects;
use crate::objects::error::ObjectsError;

/// Blobs looked at with one query.
const PAGE: usize = 1_000;

/// How long a backend may take to say how much space it has.
const LOOK: Duration = Duration::from_secs(2);

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

    /// Notes what every backend holds, what it keeps as trash and what it has space for. What a backend does not say is not waited for.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn sample_held(&self, held: &BTreeMap<BackendId, Held>) -> Result<(), ObjectsError> {
        let backends = self.inner.committee.backends();
        let looks = backends.iter().map(|backend| async {
            let space = tokio::time::timeout(LOOK, backend.store.probe()).await.ok().and_then(Result::ok);
            (backend.id.clone(), space)
        });
        let mut samples: BTreeMap<String, HeldSample> =
            held.iter().map(|(backend, held)| (backend.to_string(), sample_of(held.bytes))).collect();
        for (backend, space) in futures::future::join_all(looks).await {
            let sample = samples.entry(backend.to_string()).or_insert_with(|| sample_of(0));
            sample.trash_bytes = space.and_then(|space| space.trash_bytes).unwrap_or(0);
            sample.free_bytes = space.and_then(|space| space.free_bytes);
        }
        Ok(self.inner.metadata.sample_held(samples).await?)
    }
}

fn sample_of(held_bytes: u64) -> HeldSample {
    HeldSample { taken_at: Timestamp(0), held_bytes, trash_bytes: 0, free_bytes: None }
}
