//! Works off the repair queue.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::metadata::MetadataStore;
use crate::objects::Objects;
use crate::workers::worker::{StepError, Worker};

/// How often blobs are looked for whose backends were taken out of the cluster, or are to be.
const LEAVING_SCAN_INTERVAL: Duration = Duration::from_secs(600);

/// Rebuilds lost slivers, and deletes the ones they replace.
pub(super) struct Repair {
    objects: Objects,
    metadata: MetadataStore,
    /// When slivers on backends that left or leave were last searched and none was found.
    last_survey: Mutex<Option<Instant>>,
    /// When the jobs are counted again.
    count_at: Mutex<Option<Instant>>,
}

impl Repair {
    pub(super) fn new(objects: Objects, metadata: MetadataStore) -> Self {
        Self { objects, metadata, last_survey: Mutex::new(None), count_at: Mutex::new(None) }
    }

    /// Whether it is time to search for slivers on backends that left or leave.
    fn due(&self) -> bool {
        let last_survey = self.last_survey.lock().unwrap_or_else(PoisonError::into_inner);
        last_survey.is_none_or(|at| at.elapsed() > LEAVING_SCAN_INTERVAL)
    }

    /// Counts the jobs for the metric, so seldom that it takes a hundredth of the time at most: a long queue is read to its end.
    async fn count_jobs(&self) -> Result<(), StepError> {
        let begun = Instant::now();
        if self.count_at.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| begun < at) {
            return Ok(());
        }
        let waiting: u64 =
            self.metadata.jobs().await?.iter().filter(|(kind, _)| kind == "repair").map(|(_, n)| n).sum();
        metrics::gauge!("haulout_repair_jobs").set(u32::try_from(waiting).unwrap_or(u32::MAX));
        let count_at = Instant::now() + begun.elapsed() * 100;
        *self.count_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(count_at);
        Ok(())
    }

    /// Enqueues repairs of slivers on backends that left or leave the cluster; returns how many jobs were added.
    async fn scan_leaving(&self) -> Result<u64, StepError> {
        if !self.due() {
            return Ok(0);
        }
        let lost = self.objects.enqueue_repairs_of_unconfigured().await?;
        let enqueued = lost + self.objects.enqueue_moves_off_draining().await?;
        if enqueued == 0 {
            *self.last_survey.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        Ok(enqueued)
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
        let enqueued = self.scan_leaving().await?;
        let repaired = self.objects.repair().await?;
        let discarded = self.objects.discard().await?;
        self.count_jobs().await?;
        Ok(enqueued > 0 || repaired > 0 || discarded > 0)
    }
}
