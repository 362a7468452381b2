//! Begins epochs and bills those that are over. Any gateway may do any step: what was done stands in rows.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::config::MoneyConfig;
use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::metadata::{ChargeStep, EpochTerms, FundsAlert, MetadataStore};
use crate::settlement::count_votes;
use crate::workers::webhook::Webhook;
use crate::workers::worker::{StepError, Worker};

/// Buckets that one transaction charges, or reserves for.
const BUCKETS_PER_STEP: usize = 200;

/// Transactions that began before the end of an epoch have this long to commit; later ones are charged with the next epoch.
const MARGIN: Duration = Duration::from_secs(60);

/// What the next epoch is like.
fn terms(money: &MoneyConfig) -> EpochTerms {
    EpochTerms {
        micros: money.epoch.max(1).saturating_mul(1_000_000),
        mode: money.mode,
        prices: money.prices(),
        endowment: Frost(money.endowment),
        voting: None,
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
    /// Where alerts are posted.
    alerts: Option<Webhook>,
    /// The bucket that was looked at last, for holds and alerts.
    looked_at: AtomicI64,
}

impl Epochs {
    pub(super) fn new(metadata: MetadataStore, money: MoneyConfig, alerts: Option<Webhook>) -> Self {
        Self { metadata, money, alerts, looked_at: AtomicI64::new(i64::MIN) }
    }

    /// Begins the next epoch if it is time; where money is charged, at the prices that votes decided. Votes are counted when the epoch is over:
    /// none of it comes later.
    async fn begin_if_due(&self) -> Result<bool, StepError> {
        let mut terms = terms(&self.money);
        if terms.mode == MoneyMode::On
            && let Some((last, now)) = self.metadata.money_epoch().await?
        {
            if now < last.ends_at {
                return Ok(false);
            }
            if let Some((facts, _)) = self.metadata.voting_facts().await? {
                let (prices, outcome) = count_votes(&facts, &terms.prices);
                terms = EpochTerms { prices, voting: Some(outcome), ..terms };
            }
        }
        Ok(self.metadata.begin_epoch_if_due(terms).await?)
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
        if self.begin_if_due().await? {
            return Ok(true);
        }
        let margin = i64::try_from(MARGIN.min(self.length() / 8).as_micros())?;
        match self.metadata.charge_some(BUCKETS_PER_STEP, margin).await? {
            ChargeStep::Some(_) => return Ok(true),
            ChargeStep::Done(epoch) => {
                tracing::info!(%epoch, "an epoch is charged: what all buckets owe is known");
                return Ok(true);
            }
            ChargeStep::Nothing => {}
        }
        if self.metadata.charge_unpaid(BUCKETS_PER_STEP).await? == BUCKETS_PER_STEP {
            return Ok(true);
        }
        self.look_at_some().await?;
        Ok(false)
    }
}
