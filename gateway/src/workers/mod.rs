//! Background work: small steps that are safe to repeat, each driven by rows in the database.

mod access_logs;
mod inventory;
mod lifecycle;
mod maintenance;
mod notify;
mod repair;
mod webhook;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use worker::{StepError, Worker};

use crate::clock::Ambient;
use crate::config::NotificationTargetConfig;
use crate::lifecycle::Calendar;
use crate::metadata::MetadataStore;
use crate::objects::Objects;

/// What an operator decides about background work.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// How long deleted slivers stay in the trash of backends that have one, in seconds.
    pub trash_seconds: u64,
    /// Days after which an inactive upload is aborted; 0 for never.
    pub upload_days_max: u32,
    /// Where notifications may go.
    pub notification_targets: Vec<NotificationTargetConfig>,
    /// The region, as keys of access logs show it.
    pub region: String,
    /// Seconds lines of access logs are buffered, where `[debug]` sets it.
    pub access_log_seconds: Option<u64>,
    /// What a day is to lifecycle rules.
    pub calendar: Calendar,
    /// Clock and randomness.
    pub ambient: Ambient,
}

/// The workers of one gateway. Dropped or stopped, they end after their current step.
#[derive(Debug)]
pub struct Workers {
    stopping: CancellationToken,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts every worker.
    #[must_use]
    pub fn start(objects: &Objects, metadata: &MetadataStore, settings: &WorkerSettings) -> Self {
        let stopping = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for worker in all(objects, metadata, settings) {
            tasks.spawn(worker::run(worker, stopping.clone()));
        }
        Self { stopping, tasks }
    }

    /// Stops every worker after its current step, and flushes the meters.
    pub async fn stop(mut self, timeout: Duration) {
        self.stopping.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(timeout, ended).await.is_err() {
            tracing::warn!("a worker did not stop in time; its step will be repeated at the next start");
        }
    }
}

/// Every worker there is.
fn all(objects: &Objects, metadata: &MetadataStore, settings: &WorkerSettings) -> Vec<Arc<dyn Worker>> {
    vec![
        Arc::new(maintenance::Reclaim(objects.clone())),
        Arc::new(maintenance::Compact(objects.clone())),
        Arc::new(repair::Repair::new(objects.clone(), metadata.clone())),
        Arc::new(maintenance::Orphans::new(objects.clone(), metadata.clone())),
        Arc::new(maintenance::Sweep { objects: objects.clone(), trash_seconds: settings.trash_seconds }),
        Arc::new(maintenance::Meter(objects.clone())),
        Arc::new(maintenance::Prune(metadata.clone())),
        Arc::new(lifecycle::Lifecycle {
            objects: objects.clone(),
            metadata: metadata.clone(),
            calendar: settings.calendar,
            ambient: settings.ambient.clone(),
        }),
        Arc::new(notify::Notify::new(metadata.clone(), webhooks(&settings.notification_targets))),
        Arc::new(access_logs::AccessLogs {
            objects: objects.clone(),
            region: settings.region.clone(),
            linger: settings.access_log_seconds.map(Duration::from_secs),
        }),
        Arc::new(inventory::InventoryLists {
            objects: objects.clone(),
            metadata: metadata.clone(),
            calendar: settings.calendar,
            ambient: settings.ambient.clone(),
        }),
        Arc::new(lifecycle::StaleUploads {
            objects: objects.clone(),
            days: settings.upload_days_max,
            calendar: settings.calendar,
        }),
    ]
}

/// The webhooks, but for those that cannot be set up: messages to them wait.
fn webhooks(targets: &[NotificationTargetConfig]) -> Vec<webhook::Webhook> {
    let open = |target: &NotificationTargetConfig| match webhook::Webhook::new(target) {
        Ok(webhook) => Some(webhook),
        Err(error) => {
            tracing::error!(target = target.name, %error, "a notification target cannot be used");
            None
        }
    };
    targets.iter().filter_map(open).collect()
}
