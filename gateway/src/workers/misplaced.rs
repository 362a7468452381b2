//! Finds what lies outside the placement rules of buckets, once a rule was set and again ever more seldom.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::domain::{BucketId, PlacementRule, Timestamp};
use crate::metadata::{ContentPosition, MetadataStore};
use crate::objects::{MisplacedStep, Objects};
use crate::workers::worker::{StepError, Worker};

/// The name of the worker and of its leased task.
const NAME: &str = "misplaced";

/// How long a gateway that is busy with a step is waited for, in seconds.
const LEASE_SECONDS: i64 = 600;

/// From a round to the next, in seconds: as long as the rules were there already, within these. What was begun before a rule was set, or by
/// another gateway that had not read it yet, ends soon after, and the next rounds find it.
const ROUNDS_SECONDS: (i64, i64) = (60, 6 * 3_600);

/// Walks through the buckets that have a rule.
pub(super) struct Misplaced {
    objects: Objects,
    metadata: MetadataStore,
    /// Until when there is nothing to do if no rule is set meanwhile, with the moment that the last one was set.
    rest: Mutex<Option<(Timestamp, Instant)>>,
}

/// How far a round is.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// When the last rule was set that it knows of, in microseconds.
    changed_at: i64,
    /// When it began.
    begun_at: i64,
    /// It is over.
    over: bool,
    /// The last bucket that it has gone through.
    after: i64,
    /// The bucket that it is in, and where.
    inside: Option<(i64, ContentPosition)>,
}

impl Misplaced {
    pub(super) fn new(objects: Objects, metadata: MetadataStore) -> Self {
        Self { objects, metadata, rest: Mutex::default() }
    }

    fn rests(&self, changed_at: Timestamp) -> bool {
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        rest.is_some_and(|(known, until)| known == changed_at && Instant::now() < until)
    }

    fn rest_for(&self, changed_at: Timestamp, seconds: i64) {
        let until = Instant::now() + Duration::from_secs(seconds.max(1).unsigned_abs());
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = Some((changed_at, until));
    }

    /// One page of one bucket; whether the round goes on.
    async fn go_on(&self, progress: &mut Progress) -> Result<bool, StepError> {
        let buckets = self.metadata.buckets_with::<PlacementRule>(BucketId(progress.after), 1).await?;
        let Some((id, name)) = buckets.into_iter().next() else { return Ok(false) };
        let at = progress.inside.take().filter(|(inside, _)| *inside == id.0).map(|(_, at)| at).unwrap_or_default();
        let bucket = self.metadata.bucket(&name).await?;
        let step = match bucket {
            Some(bucket) => self.objects.enqueue_misplaced(&bucket, &at).await,
            None => Ok(MisplacedStep::default()),
        };
        // A bucket whose rule cannot be read must not keep the others from being looked at.
        let step = step.unwrap_or_else(|error| {
            tracing::warn!(bucket = %name, %error, "what lies outside the placement rule of a bucket could not be found");
            MisplacedStep::default()
        });
        if step.enqueued > 0 {
            tracing::info!(bucket = %name, blobs = step.enqueued, "slivers outside a placement rule are to be moved");
        }
        match step.next {
            Some(next) => progress.inside = Some((id.0, next)),
            None => progress.after = id.0,
        }
        Ok(true)
    }
}

/// When the next round begins, in microseconds.
fn next_round(progress: &Progress) -> i64 {
    let seconds = progress.begun_at.saturating_sub(progress.changed_at) / 1_000_000;
    let pause = seconds.clamp(ROUNDS_SECONDS.0, ROUNDS_SECONDS.1);
    progress.begun_at.saturating_add(pause.saturating_mul(1_000_000))
}

#[async_trait]
impl Worker for Misplaced {
    fn name(&self) -> &'static str {
        NAME
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn step(&self) -> Result<bool, StepError> {
        let Some(changed_at) = self.metadata.placement_rules_changed_at().await? else { return Ok(false) };
        if self.rests(changed_at) {
            return Ok(false);
        }
        let incarnation = self.objects.incarnation();
        let taken = self.metadata.acquire_leased_task::<Progress>(NAME, incarnation, LEASE_SECONDS).await?;
        let Some(mut progress) = taken else {
            // Another gateway is at it.
            self.rest_for(changed_at, ROUNDS_SECONDS.0);
            return Ok(false);
        };
        let now = self.metadata.database_time().await?.0;
        let knows = progress.changed_at == changed_at.0;
        if knows && progress.over && now < next_round(&progress) {
            self.rest_for(changed_at, (next_round(&progress) - now) / 1_000_000);
            return Ok(false);
        }
        if progress.over || !knows {
            progress = Progress { changed_at: changed_at.0, begun_at: now, ..Progress::default() };
        }
        progress.over = !self.go_on(&mut progress).await?;
        self.metadata.record_task_progress(NAME, incarnation, &progress).await?;
        Ok(!progress.over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_become_more_seldom_and_never_stop() {
        let second = 1_000_000;
        let next =
            |begun: i64| next_round(&Progress { changed_at: 0, begun_at: begun * second, ..Progress::default() });
        assert_eq!(next(0), 60 * second, "soon after a rule was set");
        assert_eq!(next(60), 120 * second);
        assert_eq!(next(600), 1_200 * second);
        assert_eq!(next(100_000), 121_600 * second, "every six hours in the end");
    }
}
