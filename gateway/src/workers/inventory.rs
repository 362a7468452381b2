//! Makes the inventories that are configured, once a day or once a week.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::clock::Ambient;
use crate::domain::BucketId;
use crate::events::Inventories;
use crate::lifecycle::Calendar;
use crate::metadata::MetadataStore;
use crate::objects::Objects;
use crate::workers::worker::{StepError, Worker};

/// The name of the leased task.
const TASK_NAME: &str = "inventory";

/// How long a gateway that is busy with a bucket is waited for, in seconds.
const LEASE_SECONDS: i64 = 1_800;

/// Days of a week.
const WEEK: i64 = 7;

/// Makes lists.
pub(super) struct InventoryLists {
    pub(super) objects: Objects,
    pub(super) metadata: MetadataStore,
    pub(super) calendar: Calendar,
    pub(super) ambient: Ambient,
}

/// The progress of a day.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// The day, counted in days of the calendar since the epoch.
    day: i64,
    /// The last bucket that is done.
    bucket: i64,
    /// The day is over.
    over: bool,
}

#[async_trait]
impl Worker for InventoryLists {
    fn name(&self) -> &'static str {
        "inventory"
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(u64::from(self.calendar.day_seconds() / 24).clamp(1, 60))
    }

    async fn step(&self) -> Result<bool, StepError> {
        let incarnation = self.objects.incarnation();
        let taken = self.metadata.acquire_leased_task::<Progress>(TASK_NAME, incarnation, LEASE_SECONDS).await?;
        let Some(mut progress) = taken else { return Ok(false) };
        let today = self.ambient.clock.now().seconds() / i64::from(self.calendar.day_seconds());
        if progress.over && progress.day == today {
            return Ok(false);
        }
        if progress.day != today {
            progress = Progress { day: today, ..Progress::default() };
        }
        let next = self.metadata.buckets_with::<Inventories>(BucketId(progress.bucket), 1).await?;
        let Some((id, name)) = next.into_iter().next() else {
            progress.over = true;
            self.metadata.record_task_progress(TASK_NAME, incarnation, &progress).await?;
            return Ok(false);
        };
        progress.bucket = id.0;
        if let Some(bucket) = self.metadata.bucket(&name).await?.filter(|bucket| bucket.id == id) {
            // The others must not wait for a bucket whose settings cannot be read.
            let inventories = bucket.settings.get::<Inventories>().unwrap_or_else(|error| {
                tracing::warn!(bucket = %bucket.name, %error, "the inventories of a bucket could not be read");
                None
            });
            for inventory in inventories
                .iter()
                .flat_map(|inventories| &inventories.all)
                .filter(|one| one.enabled && (!one.weekly || today % WEEK == 0))
            {
                if let Err(error) = self.objects.make_inventory(&bucket, inventory).await {
                    tracing::warn!(bucket = %bucket.name, inventory = inventory.id, %error, "creating an inventory failed");
                }
            }
        }
        self.metadata.record_task_progress(TASK_NAME, incarnation, &progress).await?;
        Ok(true)
    }
}
