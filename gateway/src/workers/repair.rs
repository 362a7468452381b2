//! Keeps blobs at full strength.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::worker::{StepError, Worker};
use crate::metadata::MetadataStore;
use crate::objects::Objects;

/// How often blobs are looked for whose backends were taken out of the cluster.
const STRAYS_AGAIN_AFTER: Duration = Duration::from_secs(600);

/// Makes lost slivers again, and deletes the ones they replace.
pub(super) struct Repair {
    objects: Objects,
    metadata: MetadataStore,
    /// When strays were last looked for and none was found.
    surveyed: Mutex<Option<Instant>>,
}

impl Repair {
    pub(super) fn new(objects: Objects, metadata: MetadataStore) -> Self {
        Self { objects, metadata, surveyed: Mutex::new(None) }
    }

    /// Whether it is time to look for strays.
    fn due(&self) -> bool {
        let surveyed = self.surveyed.lock().unwrap_or_else(PoisonError::into_inner);
        surveyed.is_none_or(|at| at.elapsed() > STRAYS_AGAIN_AFTER)
    }

    /// Looks for strays; how many jobs that made.
    async fn survey(&self) -> Result<u64, StepError> {
        if !self.due() {
            return Ok(0);
        }
        let asked = self.objects.ask_for_strays().await?;
        if asked == 0 {
            *self.surveyed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        Ok(asked)
    }
}

#[async_trait]
impl Worker for Repair {
    fn name(&self) -> &'static str {
        "repair"
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn step(&self) -> Result<bool, StepError> {
        let asked = self.survey().await?;
        let repaired = self.objects.repair().await?;
        let discarded = self.objects.discard().await?;
        let waiting: u64 =
            self.metadata.jobs().await?.iter().filter(|(kind, _)| kind == "repair").map(|(_, n)| n).sum();
        metrics::gauge!("haulout_repair_jobs").set(u32::try_from(waiting).unwrap_or(u32::MAX));
        Ok(asked > 0 || repaired > 0 || discarded > 0)
    }
}
