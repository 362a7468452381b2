//! Removes the content of buckets that an operator gave up after their announced end: as anybody's DELETE would, so locks hold, and no
//! longer than the bucket owes.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::BucketId;
use crate::ledger::ArrearsStage;
use crate::lifecycle::{Calendar, Configuration, everything_goes};
use crate::metadata::{BucketCost, MetadataStore};
use crate::objects::Objects;
use crate::workers::worker::{StepError, Worker};

const TASK_NAME: &str = "given-up-buckets";

/// How long a gateway that is busy with a page is waited for, in seconds.
const LEASE_SECONDS: i64 = 300;

/// Buckets that are looked at in one step.
const BUCKETS_PER_STEP: usize = 50;

/// Where a round is.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// The bucket it is in, or has left.
    bucket: i64,
    /// The key it goes on after, in hexadecimal digits; none when the bucket is done.
    key: Option<String>,
}

/// The worker.
pub(in crate::workers) struct GivenUp {
    objects: Objects,
    metadata: MetadataStore,
    rules: Configuration,
}

impl GivenUp {
    pub(in crate::workers) fn new(objects: Objects, metadata: MetadataStore) -> Self {
        Self { objects, metadata, rules: everything_goes() }
    }

    /// A page of one bucket's content; the key to go on after.
    async fn remove(&self, cost: &BucketCost, after: &str) -> Result<Option<String>, StepError> {
        let Some(bucket) = self.metadata.bucket(&cost.name.parse()?).await?.filter(|it| it.id == cost.bucket) else {
            return Ok(None);
        };
        // Days are over at once, and not at the next midnight.
        let calendar = Calendar::with_day_seconds(1);
        if after.is_empty() {
            self.objects.abort_by_lifecycle(&bucket, &self.rules, calendar).await?;
        }
        let after = hex::decode(after).unwrap_or_default();
        let next = self.objects.apply_lifecycle(&bucket, &self.rules, calendar, after).await?;
        Ok(next.map(hex::encode))
    }

    /// Some buckets of a round; whether there are more.
    async fn page(&self, progress: &mut Progress) -> Result<bool, StepError> {
        let key = progress.key.take();
        let after = progress.bucket.saturating_sub(i64::from(key.is_some()));
        let costs = self.metadata.buckets_in_arrears(after, BUCKETS_PER_STEP).await?;
        let more = costs.len() >= BUCKETS_PER_STEP;
        for cost in &costs {
            let continued = key.clone().filter(|_| cost.bucket == BucketId(progress.bucket)).unwrap_or_default();
            progress.bucket = cost.bucket.0;
            if !cost.is_given_up || cost.stage != ArrearsStage::Ended {
                continue;
            }
            match self.remove(cost, &continued).await {
                Ok(None) => {}
                Ok(Some(next)) => {
                    progress.key = Some(next);
                    return Ok(true);
                }
                // The others must not wait for a bucket that cannot be done; it is tried again in the next round.
                Err(error) => {
                    tracing::warn!(bucket = cost.name, %error, "the content of a bucket that was given up could not be removed");
                }
            }
        }
        Ok(more)
    }
}

#[async_trait]
impl Worker for GivenUp {
    fn name(&self) -> &'static str {
        TASK_NAME
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn step(&self) -> Result<bool, StepError> {
        if self.objects.rollback_hold().await?.is_some() {
            return Ok(false);
        }
        let incarnation = self.objects.incarnation();
        let taken = self.metadata.acquire_leased_task::<Progress>(TASK_NAME, incarnation, LEASE_SECONDS).await?;
        let Some(mut progress) = taken else { return Ok(false) };
        let goes_on = self.page(&mut progress).await?;
        if !goes_on {
            progress = Progress::default();
        }
        self.metadata.record_task_progress(TASK_NAME, incarnation, &progress).await?;
        Ok(goes_on)
    }
}
