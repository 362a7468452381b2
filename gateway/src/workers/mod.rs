//! Background work: small steps that are safe to repeat, each driven by rows in the database.

mod repair;
mod steps;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use worker::{StepError, Worker};

use crate::metadata::MetadataStore;
use crate::objects::Objects;

/// The workers of one gateway. Dropped or stopped, they end after their current step.
#[derive(Debug)]
pub struct Workers {
    stopping: CancellationToken,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts every worker. Deleted slivers stay in the trash of backends that have one for `trash_seconds`.
    #[must_use]
    pub fn start(objects: &Objects, metadata: &MetadataStore, trash_seconds: u64) -> Self {
        let stopping = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for worker in all(objects, metadata, trash_seconds) {
            tasks.spawn(worker::run(worker, stopping.clone()));
        }
        Self { stopping, tasks }
    }

    /// Ends every worker after its current step, and writes down what was metered.
    pub async fn stop(mut self, patience: Duration) {
        self.stopping.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, ended).await.is_err() {
            tracing::warn!("a worker did not end in time; its step will be repeated at the next start");
        }
    }
}

/// Every worker there is.
fn all(objects: &Objects, metadata: &MetadataStore, trash_seconds: u64) -> Vec<Arc<dyn Worker>> {
    vec![
        Arc::new(steps::Reclaim(objects.clone())),
        Arc::new(steps::Compact(objects.clone())),
        Arc::new(repair::Repair::new(objects.clone(), metadata.clone())),
        Arc::new(steps::Orphans::new(objects.clone(), metadata.clone())),
        Arc::new(steps::Sweep { objects: objects.clone(), trash_seconds }),
        Arc::new(steps::Meter(objects.clone())),
        Arc::new(steps::Prune(metadata.clone())),
    ]
}
