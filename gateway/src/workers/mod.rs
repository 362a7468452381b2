//! Background work: small steps that are safe to repeat, each driven by rows in the database.

mod access_logs;
mod audits;
mod epochs;
mod inventory;
mod journal;
mod lifecycle;
mod maintenance;
mod misplaced;
mod money;
mod notify;
mod rebalance;
mod repair;
mod scrub;
mod seldom;
mod settlements;
mod webhook;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use codec::ClusterKey;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use epochs::begin_first_epoch;
pub use worker::{StepError, Worker};

use crate::audit::{AuditedBackend, Auditor, Scrub};
use crate::clock::Ambient;
use crate::config::{Config, NotificationTargetConfig, WitnessConfig};
use crate::ledger::ArrearsTerms;
use crate::lifecycle::Calendar;
use crate::metadata::MetadataStore;
use crate::objects::Objects;
use crate::workers::money::metrics::MoneyMetrics;
use crate::workers::money::witnesses::{WitnessClient, Witnesses};

/// The workers of one gateway. Dropped or stopped, they end after their current step.
#[derive(Debug)]
pub struct Workers {
    stopping: CancellationToken,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts every worker.
    #[must_use]
    pub fn start(
        objects: &Objects,
        metadata: &MetadataStore,
        key: ClusterKey,
        config: &Config,
        ambient: &Ambient,
    ) -> Self {
        let stopping = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut workers = all(objects, metadata, config, ambient);
        workers.push(Arc::new(settlements(objects, metadata, key, config, ambient)));
        for worker in workers {
            let objects = objects.clone();
            tasks.spawn(worker::run(worker, move || objects.is_read_only(), stopping.clone()));
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
pub(crate) fn all(
    objects: &Objects,
    metadata: &MetadataStore,
    config: &Config,
    ambient: &Ambient,
) -> Vec<Arc<dyn Worker>> {
    let calendar = calendar(config);
    let webhooks = webhooks(&config.notification_targets);
    let targets = webhooks.iter().map(|webhook| webhook.config().name.clone()).collect();
    let notify = |webhook| Arc::new(notify::Notify::new(metadata.clone(), webhook)) as Arc<dyn Worker>;
    let mut workers: Vec<Arc<dyn Worker>> = webhooks.into_iter().map(notify).collect();
    workers.extend([
        Arc::new(maintenance::Reclaim::new(objects.clone(), metadata.clone())) as Arc<dyn Worker>,
        Arc::new(maintenance::Compact(objects.clone())),
        Arc::new(repair::Repair::new(objects.clone(), metadata.clone())),
        Arc::new(misplaced::Misplaced::new(objects.clone(), metadata.clone())),
        Arc::new(rebalance::Rebalance { objects: objects.clone(), metadata: metadata.clone() }),
        Arc::new(maintenance::Orphans::new(objects.clone(), metadata.clone())),
        Arc::new(maintenance::Sweep { objects: objects.clone(), trash_seconds: config.objects.trash_seconds }),
        Arc::new(maintenance::Meter(objects.clone())),
        Arc::new(maintenance::Prune(metadata.clone())),
        Arc::new(journal::Journal::new(objects.clone(), metadata.clone())),
        Arc::new(journal::Snapshots(objects.clone())),
        Arc::new(lifecycle::Lifecycle {
            objects: objects.clone(),
            metadata: metadata.clone(),
            calendar,
            ambient: ambient.clone(),
        }),
        Arc::new(seldom::Seldom::new(seldom::QuotaSums(metadata.clone()), objects, metadata, ambient)),
        Arc::new(seldom::Seldom::new(seldom::ThinBlobs(metadata.clone()), objects, metadata, ambient)),
        Arc::new(seldom::Seldom::new(
            seldom::EncodedBytes { metadata: metadata.clone(), incarnation: objects.incarnation() },
            objects,
            metadata,
            ambient,
        )),
        Arc::new(notify::WaitingEvents::new(metadata.clone(), targets)),
        Arc::new(access_logs::AccessLogs {
            objects: objects.clone(),
            region: config.s3.region.clone(),
            linger: config.debug.access_log_seconds.map(Duration::from_secs),
        }),
        Arc::new(inventory::InventoryLists {
            objects: objects.clone(),
            metadata: metadata.clone(),
            calendar,
            ambient: ambient.clone(),
        }),
        Arc::new(lifecycle::StaleUploads { objects: objects.clone(), days: config.objects.upload_days_max, calendar }),
    ]);
    workers.push(Arc::new(epochs(metadata, config)));
    if !config.money.witnesses.is_empty() {
        workers.push(Arc::new(witnesses(metadata, config)));
    }
    workers.push(Arc::new(money::given_up::GivenUp::new(objects.clone(), metadata.clone())));
    if config.audit.enabled {
        let auditor = auditor(objects, metadata, config, ambient);
        let numbers = audits::BlobNumbers(metadata.clone());
        workers.push(Arc::new(seldom::Seldom::new(numbers, objects, metadata, ambient)));
        workers.push(Arc::new(audits::Audits { auditor, incarnation: objects.incarnation() }));
    }
    if config.scrub.days > 0 {
        let scrubbing = scrub::Scrubbing::new(scrub_of(objects, metadata), config.scrub.clone());
        workers.push(Arc::new(seldom::Seldom::new(scrubbing, objects, metadata, ambient)));
    }
    workers
}

/// The witnesses, but for those that cannot be set up.
fn witnesses(metadata: &MetadataStore, config: &Config) -> Witnesses {
    let open = |witness: &WitnessConfig| match WitnessClient::new(witness) {
        Ok(client) => Some(client),
        Err(error) => {
            tracing::error!(url = witness.url, %error, "a witness cannot be asked");
            None
        }
    };
    let idle =
        (Duration::from_secs(config.money.epoch.max(1)) / 8).clamp(Duration::from_millis(200), Duration::from_secs(15));
    let witnesses = config.money.witnesses.iter().filter_map(open).collect();
    Witnesses { metadata: metadata.clone(), witnesses, idle }
}

fn calendar(config: &Config) -> Calendar {
    config.debug.lifecycle_day_seconds.map_or_else(Calendar::default, Calendar::with_day_seconds)
}

fn epochs(metadata: &MetadataStore, config: &Config) -> epochs::Epochs {
    let day = i64::from(calendar(config).day_seconds()).saturating_mul(1_000_000);
    let arrears = ArrearsTerms {
        grace: i64::from(config.money.grace_days).saturating_mul(day),
        notice: i64::from(config.money.notice_days).saturating_mul(day),
    };
    let shown = MoneyMetrics::new(config.ops.metric_buckets, config.ops.metric_providers);
    epochs::Epochs::new(metadata.clone(), config.money.clone(), arrears, shown)
}

fn settlements(
    objects: &Objects,
    metadata: &MetadataStore,
    key: ClusterKey,
    config: &Config,
    ambient: &Ambient,
) -> settlements::Settlements {
    let money = config.money.clone();
    let (objects, metadata, ambient) = (objects.clone(), metadata.clone(), ambient.clone());
    settlements::Settlements { objects, metadata, key: Arc::new(key), ambient, money }
}

fn auditor(objects: &Objects, metadata: &MetadataStore, config: &Config, ambient: &Ambient) -> Auditor {
    let backends = objects.committee().backends().iter().map(|backend| {
        let (store, node_key) = (Arc::clone(&backend.store), backend.node_key);
        let audited = AuditedBackend { store, is_billed: backend.is_billed, node_key };
        (backend.id.clone(), audited)
    });
    Auditor {
        metadata: metadata.clone(),
        cluster: objects.cluster(),
        backends: backends.collect(),
        scheme: config.scheme,
        settings: config.audit.clone(),
        open_blob: objects.opener(),
        ambient: ambient.clone(),
    }
}

/// Scrubs the directories: what reads of other backends cost, somebody may have to pay.
fn scrub_of(objects: &Objects, metadata: &MetadataStore) -> Scrub {
    let directories = objects.committee().backends().iter().filter(|backend| backend.is_directory);
    let stores = directories.map(|backend| (backend.id.clone(), Arc::clone(&backend.store))).collect();
    Scrub::new(metadata.clone(), objects.cluster(), stores)
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
