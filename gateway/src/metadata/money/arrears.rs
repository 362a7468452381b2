//! What is announced about buckets that owe, and what an operator decides about them.

use crate::domain::BucketId;
use crate::domain::money::account::LedgerAccount;
use crate::domain::money::frost::Frost;
use crate::ledger::{Announced, ArrearsStage, ArrearsTerms};
use crate::metadata::MetadataStore;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;
use crate::metadata::events::event_queue::enqueue_alert;
use crate::metadata::money::bucket_costs::{self, BucketCost};
use crate::metadata::money::posting::LedgerEnd;
use crate::metadata::money::{epochs, funds_row};

/// Something to announce: it is recorded, so that it is announced once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrearsNotice {
    /// The bucket's name.
    pub bucket: String,
    /// The account that pays.
    pub payer: LedgerAccount,
    /// What it owes.
    pub unpaid: Frost,
    /// The stage that it is in now, with its dates.
    pub announced: Announced,
}

impl ArrearsNotice {
    /// What a webhook receives, as JSON.
    fn message(&self) -> String {
        let Self { bucket, payer, unpaid, announced } = self;
        let mut message = serde_json::json!({
            "event": "haulout:ArrearsNotice",
            "bucket": bucket,
            "payer": payer.to_string(),
            "stage": announced.stage.as_str(),
            "unpaidFrost": unpaid.0.to_string(),
        });
        if announced.stage != ArrearsStage::Paid {
            message["readOnlyAt"] = announced.read_only_at.iso().into();
            message["endsAt"] = announced.ends_at.iso().into();
        }
        message.to_string()
    }
}

/// What an operator decides about a bucket that owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndDecision {
    /// The dates move by so many microseconds to later; nothing more is removed.
    Extend(i64),
    /// Nothing is removed, or nothing more.
    Keep,
    /// What is not locked may be removed, which is allowed after the announced end only.
    GiveUp,
}

impl MetadataStore {
    /// Records what is to be announced about a bucket, if anything is. Of several gateways one announces it. With a target its message is
    /// enqueued in the same transaction.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn take_arrears_notice(
        &self,
        cost: &BucketCost,
        terms: &ArrearsTerms,
        target: Option<&str>,
    ) -> Result<Option<ArrearsNotice>> {
        let Some((_, now)) = self.money_epoch().await? else { return Ok(None) };
        if cost.arrears.announcement(terms, now).is_none() {
            return Ok(None);
        }
        self.database()
            .transact(TakeNotice { bucket: cost.bucket, terms: *terms, target: target.map(str::to_owned) })
            .await
    }

    /// Buckets that owe or owed until just now, after a number.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn buckets_in_arrears(&self, after: i64, most: usize) -> Result<Vec<BucketCost>> {
        let Some((epoch, now)) = self.money_epoch().await? else { return Ok(Vec::new()) };
        let mut session = self.database().reader().await?;
        let rows = funds_row::owing(&mut session, after, most).await?;
        bucket_costs::costs(&mut session, &epoch, now, rows).await
    }

    /// Records what an operator decides. Whether it was: a bucket's content is given up only after its announced end.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn decide_arrears(&self, bucket: BucketId, decision: EndDecision) -> Result<bool> {
        self.database().transact(Decide { bucket, decision }).await
    }
}

/// A bucket as it is now, with the ledger held.
async fn cost_of(tx: &mut Session, bucket: BucketId) -> Result<Option<(BucketCost, i64)>> {
    let end = LedgerEnd::hold(tx).await?;
    let Some(epoch) = epochs::last(tx).await? else { return Ok(None) };
    let rows = funds_row::of(tx, &[bucket]).await?.into_values().collect();
    let cost = bucket_costs::costs(tx, &epoch, crate::domain::Timestamp(end.now), rows).await?.pop();
    Ok(cost.map(|cost| (cost, end.now)))
}

async fn set(tx: &mut Session, bucket: BucketId, announced: &Announced, is_given_up: bool) -> Result<()> {
    let text = "UPDATE bucket_funds SET arrears_stage = $1, arrears_since = $2, read_only_at = $3, ends_at = $4, is_given_up = $5 \
                WHERE bucket_id = $6";
    let statement = Statement::new(text).bind(announced.stage.number()).bind(announced.since.0);
    let statement = statement.bind(announced.read_only_at.0).bind(announced.ends_at.0).bind(is_given_up);
    tx.execute(statement.bind(bucket.0)).await.map(drop)
}

struct TakeNotice {
    bucket: BucketId,
    terms: ArrearsTerms,
    target: Option<String>,
}

impl Work for TakeNotice {
    type Done = Option<ArrearsNotice>;

    async fn run(&self, tx: &mut Session) -> Result<Option<ArrearsNotice>> {
        let Some((cost, now)) = cost_of(tx, self.bucket).await? else { return Ok(None) };
        let announced = cost.arrears.announcement(&self.terms, crate::domain::Timestamp(now));
        let Some(announced) = announced else { return Ok(None) };
        set(tx, self.bucket, &announced, cost.is_given_up && announced.stage == ArrearsStage::Ended).await?;
        let notice = ArrearsNotice { bucket: cost.name, payer: cost.payer, unpaid: cost.funds.unpaid, announced };
        if let Some(target) = &self.target {
            enqueue_alert(tx, self.bucket, target, &notice.message()).await?;
        }
        Ok(Some(notice))
    }
}

struct Decide {
    bucket: BucketId,
    decision: EndDecision,
}

impl Work for Decide {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let Some((cost, now)) = cost_of(tx, self.bucket).await? else { return Ok(false) };
        let announced = cost.arrears.announced;
        let (announced, is_given_up) = match self.decision {
            EndDecision::Extend(_) if announced.stage == ArrearsStage::Paid => return Ok(false),
            EndDecision::Extend(micros) => (announced.extended(micros, crate::domain::Timestamp(now)), false),
            EndDecision::Keep => (announced, false),
            EndDecision::GiveUp if cost.stage != ArrearsStage::Ended => return Ok(false),
            EndDecision::GiveUp => (announced, true),
        };
        set(tx, self.bucket, &announced, is_given_up).await?;
        Ok(true)
    }
}
