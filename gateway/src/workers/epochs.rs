//! Begins epochs and charges those that are over. Any gateway may do any step: what was done stands in rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::config::MoneyConfig;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::metadata::{ChargeStep, EpochTerms, FundsAlert, MetadataStore};
use crate::publication::{LogKeys, Posted, Published, publish_epoch};
use crate::settlement;
use crate::workers::webhook::Webhook;
use crate::workers::worker::{StepError, Worker};

/// Buckets that one transaction charges, or reserves for.
const BUCKETS_PER_STEP: usize = 200;

/// Transfers read at once.
const ENTRIES_PER_PAGE: usize = 1_000;

/// Transactions that began before the end of an epoch have this long to commit; later ones are charged with the next epoch.
const MARGIN: Duration = Duration::from_secs(60);

/// What the next epoch is like.
fn terms(money: &MoneyConfig) -> EpochTerms {
    EpochTerms {
        micros: money.epoch.max(1).saturating_mul(1_000_000),
        mode: money.mode,
        prices: money.prices(),
        endowment: Frost(money.endowment),
    }
}

/// Begins the first epoch before the first request, so that there are prices from the beginning. Others begin in the background.
///
/// # Errors
/// See [`MetadataError`](crate::metadata::MetadataError).
pub async fn begin_first_epoch(metadata: &MetadataStore, money: &MoneyConfig) -> crate::metadata::Result<()> {
    if metadata.money_epoch().await?.is_none() {
        metadata.begin_epoch_if_due(terms(money)).await?;
    }
    Ok(())
}

/// The worker.
pub(super) struct Epochs {
    metadata: MetadataStore,
    money: MoneyConfig,
    /// Sign what is published, and give the names under which it is.
    keys: Arc<LogKeys>,
    /// Where alerts are posted.
    alerts: Option<Webhook>,
    /// The bucket that was looked at last, for holds and alerts.
    looked_at: AtomicI64,
}

impl Epochs {
    pub(super) fn new(
        metadata: MetadataStore,
        money: MoneyConfig,
        keys: Arc<LogKeys>,
        alerts: Option<Webhook>,
    ) -> Self {
        Self { metadata, money, keys, alerts, looked_at: AtomicI64::new(i64::MIN) }
    }

    fn length(&self) -> Duration {
        Duration::from_secs(self.money.epoch.max(1))
    }

    /// Reserves for some buckets and says which come near their limits. The next ones follow after a pause, which leaves the database to
    /// requests.
    async fn look_at_some(&self) -> Result<(), StepError> {
        let Some((epoch, _)) = self.metadata.money_epoch().await? else { return Ok(()) };
        if epoch.mode == MoneyMode::Off {
            return Ok(());
        }
        let after = self.looked_at.load(Ordering::Relaxed);
        let costs = self.metadata.bucket_costs(after, BUCKETS_PER_STEP).await?;
        if costs.iter().any(|cost| cost.funds.wanted_hold().is_some()) {
            self.metadata.reserve_some(after, BUCKETS_PER_STEP).await?;
        }
        for cost in &costs {
            if let Some(alert) = self.metadata.take_alert(cost, &epoch).await? {
                self.alert(&alert).await;
            }
        }
        let next = costs.last().filter(|_| costs.len() >= BUCKETS_PER_STEP).map(|cost| cost.bucket.0);
        self.looked_at.store(next.unwrap_or(i64::MIN), Ordering::Relaxed);
        Ok(())
    }

    /// Publishes the first settled epoch that is not in the log yet; whether there was one. A log has no gaps: where money was off for
    /// an epoch, it ends.
    async fn publish_next(&self) -> Result<bool, StepError> {
        let end = self.metadata.log_end().await?;
        let Some(settled) = self.metadata.settled_inputs(Epoch(end.epoch), 1).await?.pop() else { return Ok(false) };
        let epoch = settled.epoch;
        if end.epoch > 0 && epoch.0 != end.epoch + 1 {
            return Ok(false);
        }
        let posted = self.posted(end.through, settled.through).await?;
        let inputs = (epoch, settled.inputs);
        if let Published::Now(_) = publish_epoch(&self.metadata, &self.keys, end, inputs, posted).await? {
            tracing::info!(%epoch, "an epoch is published");
        }
        Ok(true)
    }

    /// What moved after one transfer and up to another.
    async fn posted(&self, after: u64, through: u64) -> Result<Posted, StepError> {
        let mut posted = Posted { transfers: Vec::new(), through };
        let mut last = after;
        while last < through {
            let page = self.metadata.entries_after(last, ENTRIES_PER_PAGE).await?;
            let Some(end) = page.last() else { break };
            last = end.seq;
            let of_epoch = page.into_iter().filter(|entry| entry.seq <= through);
            let moved = of_epoch.filter(|entry| !entry.recorded.entry.moved().is_zero());
            posted.transfers.extend(moved.map(|entry| entry.recorded.entry.transfer));
        }
        Ok(posted)
    }

    async fn alert(&self, alert: &FundsAlert) {
        let FundsAlert { bucket, payer, percent, projected } = alert;
        metrics::counter!("haulout_funds_alerts_total", "percent" => percent.to_string()).increment(1);
        tracing::warn!(%bucket, %payer, percent, %projected, "a bucket comes near its spend limit or the end of its funds");
        let Some(webhook) = &self.alerts else { return };
        let message = serde_json::json!({
            "event": "haulout:FundsAlert",
            "bucket": bucket,
            "payer": payer.to_string(),
            "percent": percent,
            "projectedFrost": projected.0.to_string(),
        });
        if let Err(error) = webhook.post(message.to_string()).await {
            tracing::warn!(%bucket, error, "the alert could not be posted");
        }
    }
}

#[async_trait]
impl Worker for Epochs {
    fn name(&self) -> &'static str {
        "epochs"
    }

    fn idle(&self) -> Duration {
        (self.length() / 8).clamp(Duration::from_millis(100), Duration::from_secs(15))
    }

    async fn step(&self) -> Result<bool, StepError> {
        if self.metadata.begin_epoch_if_due(terms(&self.money)).await? {
            return Ok(true);
        }
        let margin = i64::try_from(MARGIN.min(self.length() / 8).as_micros())?;
        match self.metadata.charge_some(BUCKETS_PER_STEP, margin, &self.keys.salter).await? {
            ChargeStep::Some(_) => return Ok(true),
            ChargeStep::Done(epoch) => {
                tracing::info!(%epoch, "an epoch is charged: what buckets paid is in its escrow");
                return Ok(true);
            }
            ChargeStep::Nothing => {}
        }
        if let Some(epoch) = settlement::settle(&self.metadata, &self.keys.salter).await? {
            tracing::info!(%epoch, "an epoch is settled");
            return Ok(true);
        }
        if self.metadata.charge_unpaid(BUCKETS_PER_STEP).await? == BUCKETS_PER_STEP {
            return Ok(true);
        }
        if self.publish_next().await? {
            return Ok(true);
        }
        self.look_at_some().await?;
        Ok(false)
    }
}
