//! Walks that go round seldom: one gateway at a time, each from where the last one stopped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use codec::BlobId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::clock::Ambient;
use crate::domain::{BucketId, UserId};
use crate::metadata::{MendedMeters, MetadataStore, MeteredPlace, MissingUsage, QuotaScope};
use crate::objects::Objects;
use crate::workers::worker::{StepError, Worker};

/// How long a gateway that is busy with a step is waited for, in seconds.
const LEASE_SECONDS: i64 = 600;

/// The pause between two steps of a round, which leaves the database to requests.
const BETWEEN_STEPS: Duration = Duration::from_secs(1);

/// How often it is asked whether the next round is due.
const BETWEEN_ROUNDS: Duration = Duration::from_secs(600);

/// Which release begins a round at once: what one before it did not do may be found by this one.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// Something that is gone through from its beginning to its end, in bounded steps.
#[async_trait]
pub(super) trait Walk: Send + Sync {
    /// Where a step has stopped.
    type Position: Default + Serialize + DeserializeOwned + Send + Sync;

    /// The name of the worker and of its leased task.
    fn name(&self) -> &'static str;

    /// From the beginning of a round to that of the next.
    fn every(&self) -> Duration;

    /// Where a round begins whose last one was over this long ago, and ended there.
    fn next_round(&self, _last: Self::Position) -> Self::Position {
        Self::Position::default()
    }

    /// Goes on from a position; whether there is more behind it. Safe to repeat.
    async fn step(&self, at: &mut Self::Position) -> Result<bool, StepError>;
}

/// Runs a walk.
pub(super) struct Seldom<W> {
    walk: W,
    metadata: MetadataStore,
    incarnation: u32,
    ambient: Ambient,
    /// A round is under way in this gateway.
    is_under_way: AtomicBool,
}

/// The progress of a round.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress<P> {
    /// The release that began it.
    release: String,
    /// When it began, in microseconds.
    begun_at: i64,
    /// It is over.
    over: bool,
    /// Where it is.
    at: P,
}

impl<W: Walk> Seldom<W> {
    pub(super) fn new(walk: W, objects: &Objects, metadata: &MetadataStore, ambient: &Ambient) -> Self {
        let (incarnation, metadata) = (objects.incarnation(), metadata.clone());
        Self { walk, metadata, incarnation, ambient: ambient.clone(), is_under_way: AtomicBool::new(false) }
    }

    /// A step of the round, or the first one of the next; whether the round goes on.
    async fn go_on(&self) -> Result<bool, StepError> {
        let (name, incarnation) = (self.walk.name(), self.incarnation);
        let taken = self.metadata.acquire_leased_task(name, incarnation, LEASE_SECONDS).await?;
        let Some(mut progress): Option<Progress<W::Position>> = taken else { return Ok(false) };
        let now = self.ambient.clock.now().0;
        let again_at = progress.begun_at.saturating_add(i64::try_from(self.walk.every().as_micros())?);
        if progress.over && progress.release == RELEASE && now < again_at {
            return Ok(false);
        }
        if progress.over || progress.release != RELEASE {
            let was_due = progress.over && now >= again_at;
            let at = if was_due { self.walk.next_round(progress.at) } else { W::Position::default() };
            progress = Progress { release: RELEASE.to_owned(), begun_at: now, over: false, at };
        }
        progress.over = !self.walk.step(&mut progress.at).await?;
        self.metadata.record_task_progress(name, incarnation, &progress).await?;
        Ok(!progress.over)
    }
}

#[async_trait]
impl<W: Walk> Worker for Seldom<W> {
    fn name(&self) -> &'static str {
        self.walk.name()
    }

    fn idle(&self) -> Duration {
        if self.is_under_way.load(Ordering::Relaxed) { BETWEEN_STEPS } else { BETWEEN_ROUNDS }
    }

    async fn step(&self) -> Result<bool, StepError> {
        let goes_on = self.go_on().await?;
        self.is_under_way.store(goes_on, Ordering::Relaxed);
        Ok(false)
    }
}

/// Blobs looked at in one query.
const BLOBS_PER_PAGE: usize = 5_000;

/// Queries in one step.
const PAGES_PER_STEP: usize = 10;

/// Asks for what lives of thin large blobs to be moved, where no commit has asked for it.
pub(super) struct ThinBlobs(pub(super) MetadataStore);

#[async_trait]
impl Walk for ThinBlobs {
    /// The last blob that was looked at.
    type Position = Option<String>;

    fn name(&self) -> &'static str {
        "thin-blobs"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(7 * 86_400)
    }

    async fn step(&self, at: &mut Option<String>) -> Result<bool, StepError> {
        for _ in 0..PAGES_PER_STEP {
            let after = at.as_deref().and_then(blob_id);
            let page = self.0.find_thin_blobs(after, BLOBS_PER_PAGE).await?;
            if page.enqueued > 0 {
                tracing::info!(
                    blobs = page.enqueued,
                    "large blobs of which less than half lives were queued for compaction"
                );
            }
            let Some(next) = page.next else { return Ok(false) };
            *at = Some(next.to_string());
        }
        Ok(true)
    }
}

/// Compares the sums of quotas with what is there, one quota in each step: an earlier release beside this one adds less to them.
pub(super) struct QuotaSums(pub(super) MetadataStore);

/// How far a round over the quotas is.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct QuotaRound {
    /// The last quota that was counted, by its kind and the number of its bucket or user.
    after: Option<(String, i64)>,
    /// A number that was drawn when this round began: settings under way then have lower ones.
    began_at: i64,
    /// That of the round before, which began a day before this one: a setting that is under way since then is nobody's.
    dead: i64,
}

#[async_trait]
impl Walk for QuotaSums {
    type Position = QuotaRound;

    fn name(&self) -> &'static str {
        "quota-sums"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(86_400)
    }

    fn next_round(&self, last: QuotaRound) -> QuotaRound {
        QuotaRound { dead: last.began_at, ..QuotaRound::default() }
    }

    async fn step(&self, at: &mut QuotaRound) -> Result<bool, StepError> {
        if at.began_at == 0 {
            at.began_at = self.0.draw_count_number().await?;
        }
        let after = at.after.as_ref().map(|(kind, id)| match kind.as_str() {
            BUCKET => QuotaScope::Bucket(BucketId(*id)),
            _ => QuotaScope::User(UserId(*id)),
        });
        let Some(scope) = self.0.quota_after(after).await? else { return Ok(false) };
        match self.0.recount_quota(scope, at.dead).await {
            Ok(missing) if missing == MissingUsage::default() => {}
            Ok(missing) => {
                tracing::warn!(
                    ?scope,
                    ?missing,
                    "the sums of a quota were not those of what is there, and were mended"
                );
            }
            // It has its turn in the next round; those behind it do not wait for it.
            Err(error) => tracing::warn!(?scope, %error, "a quota could not be counted"),
        }
        at.after = Some(match scope {
            QuotaScope::Bucket(id) => (BUCKET.to_owned(), id.0),
            QuotaScope::User(id) => ("user".to_owned(), id.0),
        });
        Ok(true)
    }
}

/// Compares what was metered for versions and parts with what they account for: an earlier release beside this one moves bytes without metering
/// the difference.
pub(super) struct EncodedBytes {
    pub(super) metadata: MetadataStore,
    pub(super) incarnation: u32,
}

#[async_trait]
impl Walk for EncodedBytes {
    /// The last version or part that was looked at.
    type Position = MeteredPlace;

    fn name(&self) -> &'static str {
        "encoded-bytes"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(7 * 86_400)
    }

    async fn step(&self, at: &mut MeteredPlace) -> Result<bool, StepError> {
        for _ in 0..PAGES_PER_STEP {
            let step = self.metadata.mend_meters(self.incarnation, at).await?;
            if step.mended > 0 {
                let MendedMeters { mended, bytes, .. } = step;
                tracing::warn!(
                    mended,
                    bytes,
                    "what was metered for versions and parts was not what lies there, and was mended"
                );
            }
            let Some(next) = step.next else { return Ok(false) };
            *at = next;
        }
        Ok(true)
    }
}

/// The kind of the quota over a bucket.
const BUCKET: &str = "bucket";

/// A blob by its text; none for text of another release, with which the walk begins again.
pub(super) fn blob_id(text: &str) -> Option<BlobId> {
    hex::decode(text).ok()?.try_into().ok().map(BlobId)
}
