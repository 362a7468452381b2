//! Writes the journal of the metadata, and snapshots.

use std::time::Duration;

use async_trait::async_trait;

use crate::metadata::MetadataStore;
use crate::objects::Objects;
use crate::workers::worker::{StepError, Worker};

/// The shortest pause between two segments: what comes meanwhile shares the next.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// Changes that are counted for the metric.
const COUNTED: usize = 100_000;

/// The worker of the journal.
pub(super) struct Journal {
    objects: Objects,
    metadata: MetadataStore,
}

impl Journal {
    pub(super) fn new(objects: Objects, metadata: MetadataStore) -> Self {
        Self { objects, metadata }
    }
}

/// The worker of snapshots.
pub(super) struct Snapshots(pub(super) Objects);

#[async_trait]
impl Worker for Journal {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn idle(&self) -> Duration {
        self.objects.journal_lag().max(PAUSE_MIN)
    }

    /// It writes nothing then, and says how much waits.
    fn goes_on_read_only(&self) -> bool {
        true
    }

    async fn step(&self) -> Result<bool, StepError> {
        let written = self.objects.write_journal().await;
        let (changes, age) = self.metadata.unjournaled(COUNTED).await?;
        metrics::gauge!("haulout_journal_waiting_changes").set(changes as f64);
        metrics::gauge!("haulout_journal_lag_seconds").set(age as f64 / 1e6);
        written?;
        Ok(false)
    }

    async fn last(&self) {
        if let Err(error) = self.objects.write_journal().await {
            tracing::warn!(%error, "the journal could not be written at shutdown");
        }
    }
}

#[async_trait]
impl Worker for Snapshots {
    fn name(&self) -> &'static str {
        "snapshots"
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn step(&self) -> Result<bool, StepError> {
        Ok(self.0.maintain_snapshots().await?)
    }
}
