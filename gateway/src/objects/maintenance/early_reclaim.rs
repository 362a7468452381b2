//! Where space is short, what is dead goes as soon as nobody reads it, and not when its grace is over.
//!
//! A gateway looks at some dead blobs and then draws a number. Every read that begins after that number was drawn knows that they
//! are dead. Each gateway publishes the number after which all of its reads began (`read_epochs`); once that is true of all, the
//! blobs go. A gateway that stands still keeps them until its lease expires, one of an earlier release until their grace is over.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;

use crate::domain::BackendId;
use crate::objects::Objects;
use crate::objects::committee::Backend;
use crate::objects::error::ObjectsError;
use crate::objects::maintenance::reclaim::{CLAIM_MAX, FRUITLESS_CLAIMS_MAX};

/// Timeout of the look whether space is short.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

impl Objects {
    /// Deletes dead blobs before their grace is over, if a backend has too little space for writes, and none that anybody may still
    /// read; how many went.
    pub(super) async fn reclaim_early(
        &self,
        removed: &BTreeSet<BackendId>,
        away: &Mutex<BTreeSet<BackendId>>,
    ) -> Result<usize, ObjectsError> {
        let metadata = &self.inner.metadata;
        let short: Vec<&Arc<Backend>> = self.inner.committee.short_of_space().collect();
        if short.is_empty() {
            return Ok(0);
        }
        let mut early = self.inner.early_progress.lock().await;
        for _ in 0..FRUITLESS_CLAIMS_MAX {
            let dead = match early.waiting.take() {
                Some(waiting) => waiting,
                None => metadata.dead_blobs(early.after, CLAIM_MAX).await?,
            };
            self.publish_reads().await?;
            if metadata.oldest_read().await? <= dead.number {
                early.waiting = Some(dead);
                return Ok(0);
            }
            early.after = dead.next;
            let gone = self.delete_blobs(metadata.claim_dead(dead.blobs).await?, removed, away).await?;
            if gone > 0 {
                tracing::info!(blobs = gone, "space is short: dead blobs went before their grace was over");
                // Writes need not wait for the next periodic look.
                join_all(short.iter().map(|backend| tokio::time::timeout(LOOK_TIMEOUT, backend.measure()))).await;
                return Ok(gone);
            }
            if early.after.is_none() {
                return Ok(0);
            }
        }
        Ok(0)
    }

    /// Publishes after which number of the version sequence every read of this gateway began.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn publish_reads(&self) -> Result<(), ObjectsError> {
        let metadata = &self.inner.metadata;
        self.inner.read_epochs.begin_epoch(metadata.draw_number().await?);
        let oldest = self.inner.read_epochs.oldest();
        Ok(metadata.publish_oldest_read(self.inner.id_generator.incarnation(), oldest).await?)
    }
}
