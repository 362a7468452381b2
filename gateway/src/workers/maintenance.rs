//! Maintenance workers: reclaim, compact, orphans, sweep, meter, prune.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use async_trait::async_trait;

use crate::metadata::MetadataStore;
use crate::objects::Objects;
use crate::workers::worker::{StepError, Worker};

/// Backends are scanned for orphans at the start, whenever a gateway was found dead, and after this long.
const SCAN_AGAIN_AFTER: Duration = Duration::from_secs(6 * 3_600);

/// How often a gateway that may have others beside it publishes which of its reads are under way.
const PUBLISH_READS_AFTER: Duration = Duration::from_secs(10);

/// Removes what large versions and uploads left behind, and deletes dead blobs from the backends.
pub(super) struct Reclaim {
    objects: Objects,
    metadata: MetadataStore,
    /// When it was last published which reads are under way.
    published: Mutex<Option<Instant>>,
}

impl Reclaim {
    pub(super) fn new(objects: Objects, metadata: MetadataStore) -> Self {
        Self { objects, metadata, published: Mutex::new(None) }
    }

    /// Another gateway that is short of space may wait for this one's reads.
    async fn publish_reads(&self) -> Result<(), StepError> {
        let due = |published: &Mutex<Option<Instant>>| {
            let published = published.lock().unwrap_or_else(PoisonError::into_inner);
            published.is_none_or(|at| at.elapsed() >= PUBLISH_READS_AFTER)
        };
        if self.metadata.is_shared() && due(&self.published) {
            self.objects.publish_reads().await?;
            *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        Ok(())
    }
}

/// Empties sparse quilts, and large blobs of which little lives.
pub(super) struct Compact(pub(super) Objects);

/// Marks incarnations with expired leases dead, and collects their orphans on the backends.
pub(super) struct Orphans {
    objects: Objects,
    metadata: MetadataStore,
    /// When the backends were last scanned to the end.
    scanned: Mutex<Option<Instant>>,
}

impl Orphans {
    pub(super) fn new(objects: Objects, metadata: MetadataStore) -> Self {
        Self { objects, metadata, scanned: Mutex::new(None) }
    }

    /// Whether a periodic scan is due.
    fn due(&self) -> bool {
        let scanned = self.scanned.lock().unwrap_or_else(PoisonError::into_inner);
        scanned.is_none_or(|at| at.elapsed() > SCAN_AGAIN_AFTER)
    }
}

/// Removes abandoned temporaries and old trash.
pub(super) struct Sweep {
    pub(super) objects: Objects,
    pub(super) trash_seconds: u64,
}

/// Flushes meters.
pub(super) struct Meter(pub(super) Objects);

/// Forgets commit tokens, completed uploads and claims that are no longer needed.
pub(super) struct Prune(pub(super) MetadataStore);

#[async_trait]
impl Worker for Reclaim {
    fn name(&self) -> &'static str {
        "reclaim"
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn step(&self) -> Result<bool, StepError> {
        self.publish_reads().await?;
        let removed = self.metadata.remove_some().await?;
        Ok(self.objects.reclaim().await? > 0 || removed)
    }
}

#[async_trait]
impl Worker for Compact {
    fn name(&self) -> &'static str {
        "compact"
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn step(&self) -> Result<bool, StepError> {
        let emptied = self.0.compact().await? + self.0.compact_large().await?;
        Ok(emptied > 0)
    }
}

#[async_trait]
impl Worker for Orphans {
    fn name(&self) -> &'static str {
        "orphans"
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn step(&self) -> Result<bool, StepError> {
        let marked_dead = self.metadata.mark_expired_incarnations_dead().await?;
        if !marked_dead.is_empty() {
            tracing::info!(?marked_dead, "leases of other gateways expired: their incarnations were marked dead");
            *self.scanned.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        // What holds collection was logged when it was found; the scan stays due.
        if !self.due() || self.objects.deletion_hold().await?.is_some() {
            return Ok(false);
        }
        let report = self.objects.collect_orphans(0).await?;
        // Those that were left make another scan due at once, unless this one got nowhere.
        let done = (report.left == 0 || report.collected == 0).then(Instant::now);
        *self.scanned.lock().unwrap_or_else(PoisonError::into_inner) = done;
        if let Some(refused) = report.refused {
            tracing::error!(refused, "orphans found but not collected");
        } else if report.collected > 0 {
            tracing::info!(collected = report.collected, scanned = report.scanned, "orphans were collected");
        }
        Ok(false)
    }
}

#[async_trait]
impl Worker for Sweep {
    fn name(&self) -> &'static str {
        "sweep"
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    async fn step(&self) -> Result<bool, StepError> {
        // What was trashed may have to be brought back when the database turns out to be an old one.
        let held = self.objects.rollback_hold().await?.is_some();
        let trash_seconds = if held { u64::MAX } else { self.trash_seconds };
        for backend in self.objects.committee().backends() {
            if let Err(error) = backend.store.sweep(trash_seconds).await {
                tracing::debug!(backend = %backend.id, %error, "a backend could not be swept");
            }
        }
        Ok(false)
    }
}

#[async_trait]
impl Worker for Meter {
    fn name(&self) -> &'static str {
        "meter"
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn step(&self) -> Result<bool, StepError> {
        self.0.flush_meters().await?;
        Ok(false)
    }

    async fn last(&self) {
        if let Err(error) = self.0.flush_meters().await {
            tracing::warn!(%error, "flushing the meters at shutdown failed");
        }
    }
}

#[async_trait]
impl Worker for Prune {
    fn name(&self) -> &'static str {
        "prune"
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(600)
    }

    async fn step(&self) -> Result<bool, StepError> {
        self.0.prune().await?;
        Ok(false)
    }
}
