//! Walks through all blobs while a rebalance is under way, and ends it when nothing is left to move.

use std::time::Duration;

use async_trait::async_trait;
use codec::BlobId;
use serde::{Deserialize, Serialize};

use crate::metadata::MetadataStore;
use crate::objects::Objects;
use crate::workers::worker::{StepError, Worker};

/// The name of the worker and of its leased task.
const NAME: &str = "rebalance";

/// How long a gateway that is busy with a step is waited for, in seconds.
const LEASE_SECONDS: i64 = 120;

/// The walk of a rebalance.
pub(super) struct Rebalance {
    pub(super) objects: Objects,
    pub(super) metadata: MetadataStore,
}

/// How far it is.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// When the rebalance began that it belongs to, in microseconds.
    began: i64,
    /// The last blob that was looked at, in hexadecimal digits; empty at the beginning.
    after: String,
    /// Blobs that this walk has asked for.
    enqueued: u64,
    /// It is over.
    over: bool,
}

impl Progress {
    fn position(&self) -> Option<BlobId> {
        let mut id = [0; 16];
        hex::decode_to_slice(&self.after, &mut id).ok().map(|()| BlobId(id))
    }
}

#[async_trait]
impl Worker for Rebalance {
    fn name(&self) -> &'static str {
        NAME
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn step(&self) -> Result<bool, StepError> {
        let Some(start) = self.metadata.rebalance().await? else { return Ok(false) };
        let incarnation = self.objects.incarnation();
        let taken = self.metadata.acquire_leased_task::<Progress>(NAME, incarnation, LEASE_SECONDS).await?;
        let Some(mut progress) = taken else { return Ok(false) };
        if progress.began != start.began.0 {
            progress = Progress { began: start.began.0, ..Progress::default() };
        }
        if progress.over {
            if self.metadata.rebalance_jobs().await? > 0 {
                return Ok(false);
            }
            // What was written or became urgent meanwhile is looked at once more; where nothing is found it is done.
            if progress.enqueued == 0 {
                if self.metadata.end_rebalance_if_done(start.began).await? {
                    tracing::info!("the rebalance is done");
                }
                return Ok(false);
            }
            progress = Progress { began: start.began.0, ..Progress::default() };
        }
        let step = self.objects.enqueue_rebalance(progress.position()).await?;
        progress.enqueued += step.enqueued;
        progress.over = step.next.is_none();
        progress.after = step.next.map(|id| hex::encode(id.0)).unwrap_or_default();
        self.metadata.record_task_progress(NAME, incarnation, &progress).await?;
        Ok(!progress.over)
    }
}
