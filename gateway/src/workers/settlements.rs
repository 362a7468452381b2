//! Settles epochs that are charged, and publishes those that are settled. Any gateway may do either: what was done stands in rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use codec::ClusterKey;

use crate::clock::Ambient;
use crate::config::MoneyConfig;
use crate::domain::money::mode::MoneyMode;
use crate::metadata::MetadataStore;
use crate::objects::{Objects, fail_at};
use crate::publication::{LogKeys, PublicationError, Published, publish};
use crate::settlement::Settler;
use crate::workers::worker::{StepError, Worker};

/// How often in an epoch what backends hold is looked at.
const SAMPLES: u64 = 8;

/// The worker.
pub(super) struct Settlements {
    pub objects: Objects,
    pub metadata: MetadataStore,
    pub key: Arc<ClusterKey>,
    pub ambient: Ambient,
    /// How long an epoch lasts, and how much may pass without a word.
    pub money: MoneyConfig,
}

impl Settlements {
    /// Whether an epoch was settled. What backends hold is counted once for each: that reads the rows of all slivers.
    async fn settle(&self) -> Result<bool, StepError> {
        if self.metadata.epoch_jump(&self.money.jump_terms()).await?.is_some() {
            return Ok(false);
        }
        if self.metadata.epoch_to_settle().await?.is_none() {
            self.sample_if_due().await?;
            return Ok(false);
        }
        let held = self.objects.held().await?;
        self.objects.sample_held(&held).await?;
        let held: BTreeMap<_, _> = held.into_iter().map(|(backend, held)| (backend, held.bytes)).collect();
        let settler = Settler::new(self.metadata.clone(), self.keys().await?.salter);
        let settled = settler.settle(&held).await?;
        if let Some(epoch) = settled {
            fail_at("settlement-applied")?;
            tracing::info!(%epoch, "an epoch is settled");
        }
        Ok(settled.is_some())
    }

    /// Looks a few times in an epoch at what backends hold.
    async fn sample_if_due(&self) -> Result<(), StepError> {
        let Some((epoch, now)) = self.metadata.money_epoch().await? else { return Ok(()) };
        let pause = i64::try_from(epoch.micros() / SAMPLES)?;
        let last = self.metadata.last_sample_at().await?;
        if epoch.mode == MoneyMode::Off || last.is_some_and(|last| now.0 < last.0.saturating_add(pause)) {
            return Ok(());
        }
        Ok(self.objects.sample_held(&self.objects.held().await?).await?)
    }

    async fn keys(&self) -> Result<LogKeys, PublicationError> {
        LogKeys::find(&self.metadata, self.objects.cluster(), &self.key, &self.ambient).await
    }

    async fn publish(&self) -> Result<bool, StepError> {
        let Some(settled) = self.metadata.settlement_to_publish().await? else { return Ok(false) };
        let published = publish(&self.metadata, &self.keys().await?, &settled).await?;
        if let Published::Now(_) = &published {
            fail_at("settlement-published")?;
            tracing::info!(epoch = %settled.epoch, "an epoch is in the published ledger");
        }
        Ok(published != Published::Overtaken)
    }
}

#[async_trait]
impl Worker for Settlements {
    fn name(&self) -> &'static str {
        "settlements"
    }

    fn idle(&self) -> Duration {
        (Duration::from_secs(self.money.epoch.max(1)) / 8).clamp(Duration::from_millis(100), Duration::from_secs(15))
    }

    async fn step(&self) -> Result<bool, StepError> {
        // A database that was rebuilt or set back may not know what was paid.
        if self.objects.rollback_hold().await?.is_some() {
            return Ok(false);
        }
        let settled = self.settle().await?;
        Ok(self.publish().await? || settled)
    }
}
