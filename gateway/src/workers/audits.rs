//! Audits backends: one gateway at a time. Blobs without numbers get some.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::audit::Auditor;
use crate::metadata::MetadataStore;
use crate::workers::seldom::{Walk, blob_id};
use crate::workers::worker::{StepError, Worker};

/// How long another gateway waits for one that audits and is gone, in seconds.
const LEASE_SECONDS: i64 = 300;

/// Between two steps: samples are spread over the epoch, so that there are a few in most of them.
const BETWEEN_STEPS: Duration = Duration::from_secs(60);

/// The worker.
pub(super) struct Audits {
    pub(super) auditor: Auditor,
    pub(super) incarnation: u32,
}

/// All that is known stands in rows of its own.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {}

#[async_trait]
impl Worker for Audits {
    fn name(&self) -> &'static str {
        "audits"
    }

    fn idle(&self) -> Duration {
        BETWEEN_STEPS.min(Duration::from_secs(self.auditor.settings.epoch_seconds.into()) / 8)
    }

    async fn step(&self) -> Result<bool, StepError> {
        let metadata = &self.auditor.metadata;
        let taken = metadata.acquire_leased_task::<Progress>(self.name(), self.incarnation, LEASE_SECONDS).await?;
        if taken.is_none() {
            return Ok(false);
        }
        self.auditor.step().await?;
        self.auditor.report().await?;
        self.auditor.recheck().await?;
        metadata.prune_verdicts(self.auditor.settings.keep_days).await?;
        Ok(false)
    }
}

/// Numbers the blobs of releases that gave none, so that draws can name them.
pub(super) struct BlobNumbers(pub(super) MetadataStore);

/// Blobs looked at in one step.
const BLOBS_PER_STEP: usize = 2_000;

#[async_trait]
impl Walk for BlobNumbers {
    /// The last blob that was looked at.
    type Position = Option<String>;

    fn name(&self) -> &'static str {
        "blob-numbers"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(7 * 86_400)
    }

    async fn step(&self, at: &mut Option<String>) -> Result<bool, StepError> {
        let after = at.as_deref().and_then(blob_id);
        let last = self.0.number_blobs(after, BLOBS_PER_STEP).await?;
        *at = last.map(|blob| blob.to_string());
        Ok(last.is_some())
    }
}
