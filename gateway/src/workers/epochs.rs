//! Begins epochs and bills those that are over. Any gateway may do any step: what was done stands in rows.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::config::MoneyConfig;
use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::ledger::{ArrearsStage, ArrearsTerms};
use crate::metadata::{
    ArrearsNotice, BucketCost, ChargeStep, EpochAdvance, EpochJump, EpochTerms, FundsAlert, MetadataStore,
};
use crate::objects::fail_at;
use crate::settlement::count_votes;
use crate::workers::money::metrics::MoneyMetrics;
use crate::workers::worker::{StepError, Worker};

/// Buckets that one transaction charges, or reserves for.
const BUCKETS_PER_STEP: usize = 200;

/// Transactions that began before the end of an epoch have this long to commit; later ones are charged with the next epoch.
const MARGIN: Duration = Duration::from_secs(60);

/// How often it is reported that an operator must confirm the time.
const REPORT_AGAIN: Duration = Duration::from_secs(600);

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
    /// How long the stages of a bucket that owes last.
    arrears: ArrearsTerms,
    /// The bucket that was looked at last, for holds and alerts.
    looked_at: AtomicI64,
    /// What buckets and providers come to.
    shown: MoneyMetrics,
    /// When a jump of the clock was last reported.
    reported: Mutex<Option<Instant>>,
    /// How many buckets of this round are in each stage of arrears.
    stages: Mutex<[u32; ArrearsStage::ALL.len()]>,
}

impl Epochs {
    pub(super) fn new(metadata: MetadataStore, money: MoneyConfig, arrears: ArrearsTerms, shown: MoneyMetrics) -> Self {
        let looked_at = AtomicI64::new(i64::MIN);
        Self { metadata, money, arrears, looked_at, shown, reported: Mutex::default(), stages: Mutex::default() }
    }

    /// What the next epoch is like: where money is charged, at the prices that votes decided. Votes are counted when the epoch is over: none of
    /// it comes later.
    async fn next_terms(&self) -> Result<EpochTerms, StepError> {
        let terms = terms(&self.money);
        if terms.mode != MoneyMode::On {
            return Ok(terms);
        }
        let is_over = self.metadata.money_epoch().await?.is_some_and(|(last, now)| now >= last.ends_at);
        let facts = if is_over { self.metadata.voting_facts().await? } else { None };
        let Some((facts, _)) = facts else { return Ok(terms) };
        let (prices, outcome) = count_votes(&facts, &terms.prices);
        Ok(EpochTerms { prices, voting: Some(outcome), ..terms })
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
            fail_at("hold-reserved")?;
        }
        let target = self.money.alert_target.as_deref();
        for cost in &costs {
            if let Some(alert) = self.metadata.take_alert(cost, &epoch, target).await? {
                Self::alert(&alert);
            }
            if let Some(notice) = self.metadata.take_arrears_notice(cost, &self.arrears, target).await? {
                Self::announce(&notice);
            }
        }
        self.count_stages(&costs);
        self.shown.add(&costs);
        if costs.len() < BUCKETS_PER_STEP {
            self.shown.show(&self.metadata, &epoch).await?;
        }
        let next = costs.last().filter(|_| costs.len() >= BUCKETS_PER_STEP).map(|cost| cost.bucket.0);
        self.looked_at.store(next.unwrap_or(i64::MIN), Ordering::Relaxed);
        Ok(())
    }

    fn alert(alert: &FundsAlert) {
        let FundsAlert { bucket, payer, percent, projected } = alert;
        metrics::counter!("haulout_funds_alerts_total", "percent" => percent.to_string()).increment(1);
        tracing::warn!(%bucket, %payer, percent, %projected, "a bucket comes near its spend limit or the end of its funds");
    }

    /// Makes known what becomes of a bucket that owes, and when.
    fn announce(notice: &ArrearsNotice) {
        let ArrearsNotice { bucket, payer, unpaid, announced } = notice;
        let stage = announced.stage.as_str();
        metrics::counter!("haulout_arrears_notices_total", "stage" => stage).increment(1);
        let (read_only_at, ends_at) = (announced.read_only_at.iso(), announced.ends_at.iso());
        match announced.stage {
            ArrearsStage::Paid => tracing::info!(%bucket, %payer, "what a bucket owed is paid"),
            ArrearsStage::Grace | ArrearsStage::ReadOnly => tracing::warn!(
                %bucket, %payer, %unpaid, stage, read_only_at, ends_at,
                "a bucket owes for past epochs: it takes no new content, from read_only_at on no change but deletions, and at \
                 ends_at it is the operator's decision; paying ends this at once"
            ),
            ArrearsStage::Ended => tracing::error!(
                %bucket, %payer, %unpaid, ends_at,
                "the announced end of a bucket that owes has come: nothing is removed unless you say so by `haulout bucket arrears`"
            ),
        }
    }

    /// Adds to how many buckets are in each stage; after the last page of a round they are shown.
    fn count_stages(&self, costs: &[BucketCost]) {
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        for cost in costs {
            let at = ArrearsStage::ALL.iter().position(|stage| *stage == cost.stage);
            if let Some(count) = at.and_then(|at| stages.get_mut(at)) {
                *count = count.saturating_add(1);
            }
        }
        if costs.len() < BUCKETS_PER_STEP {
            for (stage, count) in ArrearsStage::ALL.iter().zip(std::mem::take(&mut *stages)) {
                metrics::gauge!("haulout_buckets_in_arrears", "stage" => stage.as_str()).set(f64::from(count));
            }
        }
    }

    /// Reports that everything about money waits, now and then.
    fn report(&self, jump: Option<&EpochJump>) {
        let missed = jump.map_or(0, |jump| u32::try_from(jump.missed).unwrap_or(u32::MAX));
        metrics::gauge!("haulout_epochs_unconfirmed").set(f64::from(missed));
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(EpochJump { last, ended_at, now, missed }) = jump else {
            *reported = None;
            return;
        };
        if reported.is_none_or(|at| at.elapsed() >= REPORT_AGAIN) {
            *reported = Some(Instant::now());
            tracing::error!(
                epoch = %last, ended_at = ended_at.iso(), now = now.iso(), missed,
                "the clock of the database says that whole epochs passed that nobody saw: nothing is charged or settled until \
                 `haulout epoch confirm` says that it is right, or it is set back"
            );
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
        let advanced = self.metadata.advance_epoch(self.next_terms().await?, self.money.unconfirmed_epochs).await?;
        let jump = if let EpochAdvance::Waits(jump) = &advanced { Some(jump) } else { None };
        self.report(jump);
        if advanced == EpochAdvance::Begun {
            fail_at("epoch-begun")?;
        }
        let EpochAdvance::UnderWay(current) = advanced else { return Ok(advanced == EpochAdvance::Begun) };
        let margin = i64::try_from(MARGIN.min(self.length() / 8).as_micros())?;
        match self.metadata.charge_before(current, BUCKETS_PER_STEP, margin).await? {
            ChargeStep::Some(_) => return Ok(true),
            ChargeStep::Done(epoch) => {
                fail_at("epoch-charged")?;
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
