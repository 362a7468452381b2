//! Works off the repair queue.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::domain::BackendId;
use crate::metadata::{LeavingPlace, MetadataError, MetadataStore};
use crate::objects::Objects;
use crate::workers::worker::{StepError, Worker};

/// The pause between two walks over the slivers of backends that were taken out of the cluster, or are to be.
const LEAVING_WALK_INTERVAL: Duration = Duration::from_secs(600);

/// How long a step waits for the time that moved and rebuilt slivers take, at most.
const MOVES_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How often it is looked whether a replaced backend is empty.
const EMPTY_LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// How long it must have been empty before it leaves the cluster: a write that chose it before it was replaced has ended by then.
const EMPTY_FOR: Duration = Duration::from_secs(30);

/// Rebuilds lost slivers, and deletes the ones they replace.
pub(super) struct Repair {
    objects: Objects,
    metadata: MetadataStore,
    /// The walk over the slivers of backends that left or leave.
    leaving: Mutex<LeavingWalk>,
    /// When the jobs are counted again.
    count_at: Mutex<Option<Instant>>,
    /// Replaced backends that were found empty, and since when; and when they are looked at again.
    emptied: Mutex<Emptied>,
}

/// Replaced backends that were found empty.
#[derive(Default)]
struct Emptied {
    since: BTreeMap<BackendId, Instant>,
    next: Option<Instant>,
}

/// How far that walk is, and when the next begins.
#[derive(Default)]
struct LeavingWalk {
    place: Option<LeavingPlace>,
    next: Option<Instant>,
}

impl Repair {
    pub(super) fn new(objects: Objects, metadata: MetadataStore) -> Self {
        let (leaving, emptied) = (Mutex::default(), Mutex::default());
        Self { objects, metadata, leaving, count_at: Mutex::new(None), emptied }
    }

    /// Takes replaced backends out of the cluster that were empty for as long as a write may take that began before.
    async fn end_replacements(&self) -> Result<(), StepError> {
        let now = Instant::now();
        {
            let mut emptied = self.emptied.lock().unwrap_or_else(PoisonError::into_inner);
            if emptied.next.is_some_and(|at| now < at) {
                return Ok(());
            }
            emptied.next = Some(now + EMPTY_LOOK_INTERVAL);
        }
        let empty = self.objects.replaced_and_empty().await?;
        let due: Vec<_> = {
            let mut emptied = self.emptied.lock().unwrap_or_else(PoisonError::into_inner);
            emptied.since.retain(|old, _| empty.iter().any(|(one, _)| one == old));
            let is_due = |(old, _): &&(BackendId, BackendId)| {
                emptied.since.entry(old.clone()).or_insert(now).elapsed() >= EMPTY_FOR
            };
            empty.iter().filter(is_due).cloned().collect()
        };
        if due.is_empty() {
            return Ok(());
        }
        // What moved off them is known even when the database is lost: from here on they may be destroyed.
        self.objects.await_journal().await?;
        for (old, successor) in due {
            if self.metadata.end_replacement(&old, &successor).await? {
                self.metadata.unflag_backend(&old).await?;
                tracing::info!(backend = %old, %successor, "it was replaced and left the cluster: leave it out of the configuration");
            }
        }
        Ok(())
    }

    /// Counts the jobs for the metric, so seldom that it takes a hundredth of the time at most: a long queue is read to its end.
    async fn count_jobs(&self) -> Result<(), StepError> {
        let begun = Instant::now();
        if self.count_at.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| begun < at) {
            return Ok(());
        }
        let waiting: u64 =
            self.metadata.jobs().await?.iter().filter(|(kind, _)| kind == "repair").map(|(_, n)| n).sum();
        metrics::gauge!("haulout_repair_jobs").set(u32::try_from(waiting).unwrap_or(u32::MAX));
        let count_at = Instant::now() + begun.elapsed() * 100;
        *self.count_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(count_at);
        Ok(())
    }

    /// One page of the walk over the slivers of backends that left or leave the cluster; returns how many jobs were added. Whoever says
    /// that one leaves asks for all that is there: this finds what came later, by a gateway that did not know.
    async fn walk_leaving(&self) -> Result<u64, MetadataError> {
        let place = {
            let walk = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
            if walk.next.is_some_and(|at| Instant::now() < at) {
                return Ok(0);
            }
            walk.place.clone()
        };
        let page = self.metadata.enqueue_leaving(place).await?;
        let mut walk = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        walk.next = page.next.is_none().then(|| Instant::now() + LEAVING_WALK_INTERVAL);
        walk.place = page.next;
        Ok(page.enqueued)
    }
}

#[async_trait]
impl Worker for Repair {
    fn name(&self) -> &'static str {
        "repair"
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn step(&self) -> Result<bool, StepError> {
        // Repairs do not wait for what hinders the walk.
        match self.objects.give_up_absent().await {
            Ok(0) => {}
            // It begins now, and meets all that they hold.
            Ok(_) => *self.leaving.lock().unwrap_or_else(PoisonError::into_inner) = LeavingWalk::default(),
            Err(error) => tracing::warn!(%error, "looking for backends that are away failed and will be retried"),
        }
        let enqueued = self.walk_leaving().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "looking for slivers on backends that leave failed and will be retried");
            0
        });
        let repaired = self.objects.repair().await?;
        let discarded = self.objects.discard().await?;
        self.count_jobs().await?;
        if let Err(error) = self.end_replacements().await {
            tracing::warn!(%error, "looking for replaced backends failed and will be retried");
        }
        if repaired == 0
            && let Some(pause) = self.objects.pause_before_more()
        {
            // So that what is endangered does not wait for the end of it.
            tokio::time::sleep(pause.min(MOVES_PAUSE_MAX)).await;
            return Ok(true);
        }
        Ok(enqueued > 0 || repaired > 0 || discarded > 0)
    }
}
