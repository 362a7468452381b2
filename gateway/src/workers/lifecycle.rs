//! Walks the buckets that have lifecycle rules, round after round.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::clock::Ambient;
use crate::domain::{Bucket, BucketId};
use crate::lifecycle::{Calendar, Configuration};
use crate::metadata::MetadataStore;
use crate::objects::{Objects, ObjectsError};
use crate::workers::worker::{StepError, Worker};

/// The name of the leased task.
const TASK_NAME: &str = "lifecycle";

/// How long a gateway that is busy with a page is waited for, in seconds.
const LEASE_SECONDS: i64 = 300;

/// Rounds begun in a day.
const ROUNDS_PER_DAY: u32 = 24;

/// Expires, removes and transitions versions, and aborts uploads.
pub(super) struct Lifecycle {
    pub(super) objects: Objects,
    pub(super) metadata: MetadataStore,
    pub(super) calendar: Calendar,
    pub(super) ambient: Ambient,
}

/// The progress of a round.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// When the round began, in microseconds.
    begun_at: i64,
    /// The round is over.
    over: bool,
    /// The bucket it is in, or has left.
    bucket: i64,
    /// The key it goes on after; none when the bucket is done.
    key: Option<String>,
}

fn is_unavailable(error: &StepError) -> bool {
    let unavailable = |error: &ObjectsError| matches!(error, ObjectsError::Unavailable(_));
    error.downcast_ref::<ObjectsError>().is_some_and(unavailable)
}

impl Lifecycle {
    fn round(&self) -> Duration {
        Duration::from_secs(u64::from((self.calendar.day_seconds() / ROUNDS_PER_DAY).max(1)))
    }

    /// One page of the round; whether the round goes on.
    async fn page(&self, progress: &mut Progress) -> Result<bool, StepError> {
        let after = BucketId(if progress.key.is_some() { progress.bucket - 1 } else { progress.bucket });
        let next = self.metadata.buckets_with::<Configuration>(after, 1).await?;
        let Some((id, name)) = next.into_iter().next() else { return Ok(false) };
        let after = progress.key.take().filter(|_| id.0 == progress.bucket);
        progress.bucket = id.0;
        let Some(bucket) = self.metadata.bucket(&name).await?.filter(|bucket| bucket.id == id) else { return Ok(true) };
        let after = hex::decode(after.unwrap_or_default()).unwrap_or_default();
        match self.apply(&bucket, after).await {
            Ok(next) => progress.key = next.map(hex::encode),
            // The database is unavailable for every bucket: the page is done again.
            Err(error) if is_unavailable(&error) => return Err(error),
            // The others must not wait for a bucket that cannot be done; it is tried again in the next round.
            Err(error) => {
                tracing::warn!(bucket = %name, %error, "the lifecycle rules of a bucket could not be applied")
            }
        }
        Ok(true)
    }

    /// A page of a bucket after a key, and its uploads with the first one; the key to go on after.
    async fn apply(&self, bucket: &Arc<Bucket>, after: Vec<u8>) -> Result<Option<Vec<u8>>, StepError> {
        let Some(rules) = bucket.settings.get::<Configuration>()? else { return Ok(None) };
        if after.is_empty() {
            self.objects.abort_by_lifecycle(bucket, &rules, self.calendar).await?;
        }
        Ok(self.objects.apply_lifecycle(bucket, &rules, self.calendar, after).await?)
    }
}

#[async_trait]
impl Worker for Lifecycle {
    fn name(&self) -> &'static str {
        "lifecycle"
    }

    fn idle(&self) -> Duration {
        self.round().min(Duration::from_secs(10))
    }

    async fn step(&self) -> Result<bool, StepError> {
        if self.objects.rollback_hold().await?.is_some() {
            return Ok(false);
        }
        let incarnation = self.objects.incarnation();
        let taken = self.metadata.acquire_leased_task::<Progress>(TASK_NAME, incarnation, LEASE_SECONDS).await?;
        let Some(mut progress) = taken else { return Ok(false) };
        let now = self.ambient.clock.now().0;
        if progress.over {
            let again_at = progress.begun_at.saturating_add(i64::try_from(self.round().as_micros())?);
            if now < again_at {
                return Ok(false);
            }
            progress = Progress::default();
        }
        if progress.begun_at == 0 {
            progress.begun_at = now;
        }
        progress.over = !self.page(&mut progress).await?;
        self.metadata.record_task_progress(TASK_NAME, incarnation, &progress).await?;
        Ok(!progress.over)
    }
}

/// Aborts stale uploads, whatever rules their buckets have.
pub(super) struct StaleUploads {
    pub(super) objects: Objects,
    pub(super) days: u32,
    pub(super) calendar: Calendar,
}

#[async_trait]
impl Worker for StaleUploads {
    fn name(&self) -> &'static str {
        "stale-uploads"
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(u64::from(self.calendar.day_seconds() / ROUNDS_PER_DAY).max(1))
    }

    async fn step(&self) -> Result<bool, StepError> {
        if self.days == 0 {
            return Ok(false);
        }
        if self.objects.rollback_hold().await?.is_some() {
            return Ok(false);
        }
        let seconds = i64::from(self.days) * i64::from(self.calendar.day_seconds());
        Ok(self.objects.abort_stale_uploads(seconds).await? > 0)
    }
}
