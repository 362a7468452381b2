//! Scrubs own disks, a little every second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use codec::BlobId;
use serde::{Deserialize, Serialize};

use crate::audit::Scrub;
use crate::config::ScrubConfig;
use crate::workers::seldom::{Walk, blob_id};
use crate::workers::worker::StepError;

/// The round over every sliver on a directory.
pub(super) struct Scrubbing {
    scrub: Scrub,
    settings: ScrubConfig,
    /// Bytes that were read beyond what the steps so far may read: a blob is read to its end, and the next steps wait for it.
    ahead: AtomicU64,
}

/// How far a round is.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Position {
    /// The last blob whose slivers were read.
    after: Option<String>,
    slivers: u64,
    bytes: u64,
    bad: u64,
}

impl Scrubbing {
    pub(super) fn new(scrub: Scrub, settings: ScrubConfig) -> Self {
        Self { scrub, settings, ahead: AtomicU64::new(0) }
    }
}

#[async_trait]
impl Walk for Scrubbing {
    type Position = Position;

    fn name(&self) -> &'static str {
        "scrub"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.days) * 86_400)
    }

    /// A second's worth: steps come once a second.
    async fn step(&self, at: &mut Position) -> Result<bool, StepError> {
        let rate = self.settings.bytes_per_second;
        let ahead = self.ahead.load(Ordering::Relaxed);
        if ahead >= rate {
            self.ahead.store(ahead - rate, Ordering::Relaxed);
            return Ok(true);
        }
        let after: Option<BlobId> = at.after.as_deref().and_then(blob_id);
        let done = self.scrub.go_on(after, rate - ahead).await?;
        self.ahead.store((ahead + done.bytes).saturating_sub(rate), Ordering::Relaxed);
        at.slivers += done.slivers;
        at.bytes += done.bytes;
        at.bad += done.bad;
        let Some(last) = done.last else {
            let Position { slivers, bytes, bad, .. } = at;
            tracing::info!(slivers, bytes, bad, "every sliver on own disks was read and proven");
            return Ok(false);
        };
        at.after = Some(last.to_string());
        Ok(true)
    }
}
