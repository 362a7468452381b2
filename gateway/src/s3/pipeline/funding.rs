//! What writes cost, and whether their buckets' funds allow them. A request waits for the database once in a while, and writes nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::time::Instant;

use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::domain::money::price::Usage;
use crate::domain::{Bucket, BucketId};
use crate::ledger::{Announced, ArrearsStage, Shortfall, quote};
use crate::metadata::{BucketCost, MetadataStore, MoneyEpoch};
use crate::objects::Objects;
use crate::s3::error::{Code, S3Error};

/// How long what was read is gone by: writes of other gateways in this time are seen too late.
const FRESH: Duration = Duration::from_secs(2);

/// Buckets whose funds are remembered.
const BUCKETS_MAX: usize = 10_000;

/// FROST until the end of the epoch, and when that is.
const COST: HeaderName = HeaderName::from_static("x-haulout-cost");

/// Operations that bring bytes. Completing an upload brings none; deleting, aborting and expiration are always allowed.
const BRING_BYTES: [&str; 6] =
    ["PutObject", "CopyObject", "PostObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy"];

/// What changes nothing or removes something although it is a PUT or a POST: deletions, and what makes content expire.
const GO_ON: [&str; 3] = ["DeleteObjects", "PutBucketLifecycleConfiguration", "SelectObjectContent"];

/// What a write costs besides keeping its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fees {
    /// Its bytes were encoded for it.
    Written,
    /// Its bytes were there.
    Kept,
}

/// Prices and funds as they were a moment ago.
pub struct Funding {
    metadata: MetadataStore,
    objects: Objects,
    mode: MoneyMode,
    /// Where users pay.
    pay_at: Option<String>,
    epoch: Mutex<Option<(Instant, SeenEpoch)>>,
    buckets: Mutex<HashMap<BucketId, (Instant, BucketCost)>>,
}

/// Why something is refused, and what becomes of the bucket.
struct Refusal {
    shortfall: Shortfall,
    payer: String,
    stage: ArrearsStage,
    announced: Announced,
}

impl Refusal {
    /// What was announced, in words.
    fn dates(&self) -> String {
        let Announced { read_only_at, ends_at, .. } = &self.announced;
        match self.stage {
            ArrearsStage::Grace if self.announced.stage >= ArrearsStage::Grace => format!(
                " It owes for past epochs: from {} on it takes no change but deletions, and on {} the operator decides about it.",
                read_only_at.iso(),
                ends_at.iso()
            ),
            ArrearsStage::ReadOnly => format!(" On {} the operator decides about it.", ends_at.iso()),
            ArrearsStage::Ended => " Its announced end has come, and the operator decides about it.".to_owned(),
            ArrearsStage::Paid | ArrearsStage::Grace => String::new(),
        }
    }
}

/// The epoch that is under way.
#[derive(Clone)]
struct SeenEpoch {
    epoch: Arc<MoneyEpoch>,
    /// Microseconds until its end, when it was seen.
    left: u64,
}

impl Funding {
    /// Over these rows.
    #[must_use]
    pub fn new(metadata: MetadataStore, objects: Objects, mode: MoneyMode, pay_at: Option<String>) -> Self {
        Self { metadata, objects, mode, pay_at, epoch: Mutex::new(None), buckets: Mutex::new(HashMap::new()) }
    }

    /// Refuses an operation that brings bytes when the bucket's funds or its limit do not allow them, and every change but deletions when
    /// the grace of a bucket that owes is over.
    ///
    /// # Errors
    /// `InsufficientFunds` (402) or `SpendLimitExceeded` (403), which clients do not try again, with what is missing.
    pub async fn check(
        &self,
        (operation, method): (&str, &Method),
        bucket: &Bucket,
        bytes: u64,
    ) -> Result<(), S3Error> {
        let brings_bytes = BRING_BYTES.contains(&operation);
        let changes = matches!(*method, Method::PUT | Method::POST) && !GO_ON.contains(&operation);
        if self.mode == MoneyMode::Off || !(brings_bytes || changes) {
            return Ok(());
        }
        let Some(seen) = self.refreshed_epoch().await? else { return Ok(()) };
        if seen.epoch.mode != MoneyMode::On {
            return Ok(());
        }
        let more = if brings_bytes { Some(self.charges(&seen, bytes, Fees::Written)) } else { None };
        match self.funds(bucket.id, more).await? {
            None => Ok(()),
            Some(refusal) => Err(self.refused(bucket, &seen.epoch, &refusal)),
        }
    }

    /// Says in the reply what a write costs until the end of the epoch.
    pub fn announce(&self, bytes: u64, fees: Fees, headers: &mut HeaderMap) {
        let seen = self.epoch.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((at, seen)) = seen.filter(|(_, seen)| seen.epoch.mode != MoneyMode::Off) else { return };
        let passed = u64::try_from(at.elapsed().as_micros()).unwrap_or(u64::MAX);
        let now = SeenEpoch { left: seen.left.saturating_sub(passed), ..seen };
        let cost = self.charges(&now, bytes, fees);
        let text = format!("{} FROST until {}", cost.0, now.epoch.ends_at.iso());
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(COST, value);
        }
    }

    fn charges(&self, seen: &SeenEpoch, bytes: u64, fees: Fees) -> Frost {
        let written_bytes = self.objects.encoded_bytes(None, bytes);
        let written = Usage { written_bytes, requests_write: 1, ..Usage::default() };
        let charges = quote(&written, seen.left, seen.epoch.micros(), 0, &seen.epoch.prices);
        match fees {
            Fees::Written => charges.total(),
            Fees::Kept => [charges.storage, charges.requests].into_iter().sum(),
        }
    }

    /// The epoch that is under way. One request asks when it is time; the others go by what is known meanwhile.
    async fn refreshed_epoch(&self) -> Result<Option<SeenEpoch>, S3Error> {
        {
            let mut known = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, seen)) = known.as_mut() {
                if at.elapsed() < FRESH {
                    return Ok(Some(seen.clone()));
                }
                let passed = u64::try_from(at.elapsed().as_micros()).unwrap_or(u64::MAX);
                seen.left = seen.left.saturating_sub(passed);
                *at = Instant::now();
            }
        }
        let Some((epoch, now)) = self.metadata.money_epoch().await? else { return Ok(None) };
        let left = u64::try_from(epoch.ends_at.0.saturating_sub(now.0)).unwrap_or(0);
        let seen = SeenEpoch { epoch: Arc::new(epoch), left };
        *self.epoch.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), seen.clone()));
        Ok(Some(seen))
    }

    /// Whether a bucket may change, and its funds allow so much more, which is counted until its meters are read again.
    async fn funds(&self, bucket: BucketId, more: Option<Frost>) -> Result<Option<Refusal>, S3Error> {
        if let Some(known) = self.known(bucket, more) {
            return Ok(known);
        }
        let Some((cost, _)) = self.metadata.bucket_cost(bucket).await? else { return Ok(None) };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            buckets.clear();
        }
        buckets.insert(bucket, (Instant::now(), cost));
        drop(buckets);
        Ok(self.known(bucket, more).unwrap_or(None))
    }

    /// What is known: none where it has to be read again.
    fn known(&self, bucket: BucketId, more: Option<Frost>) -> Option<Option<Refusal>> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, cost) = buckets.get_mut(&bucket).filter(|(at, _)| at.elapsed() < FRESH)?;
        let owed = cost.funds.unpaid.saturating_sub(cost.funds.free);
        let allowed = match (more, cost.stage) {
            (None, ArrearsStage::Paid | ArrearsStage::Grace) => Ok(()),
            (None, ArrearsStage::ReadOnly | ArrearsStage::Ended) => Err(Shortfall::Funds { missing: owed }),
            (Some(more), ArrearsStage::Paid) => cost.funds.allow(more),
            // What is reserved for this epoch pays no debts: it takes nothing even where that would be enough.
            (Some(more), _) => cost.funds.allow(more).and(Err(Shortfall::Funds { missing: owed })),
        };
        let Err(shortfall) = allowed else {
            cost.funds.projected = cost.funds.projected.checked_add(more.unwrap_or_default()).unwrap_or(Frost::MAX);
            return Some(None);
        };
        let (payer, stage, announced) = (cost.payer.to_string(), cost.stage, cost.arrears.announced);
        Some(Some(Refusal { shortfall, payer, stage, announced }))
    }

    fn refused(&self, bucket: &Bucket, epoch: &MoneyEpoch, refusal: &Refusal) -> S3Error {
        let (name, end, payer) = (&bucket.name, epoch.ends_at.iso(), &refusal.payer);
        match refusal.shortfall {
            Shortfall::Funds { missing } => {
                let pay = match &self.pay_at {
                    Some(place) => format!("Pay at {place}"),
                    None => "Ask the operator to credit it".to_owned(),
                };
                let what = match refusal.stage {
                    ArrearsStage::ReadOnly | ArrearsStage::Ended => {
                        format!("for bucket {name}, which owes for past epochs")
                    }
                    ArrearsStage::Paid | ArrearsStage::Grace => format!("to keep this in bucket {name} until {end}"),
                };
                let dates = refusal.dates();
                let text = format!(
                    "{missing} are missing {what}: account {payer} pays for it. {pay}, or delete something. Reading and \
                     deleting go on.{dates}"
                );
                let error = S3Error::with(Code::InsufficientFunds, text).field("MissingFrost", missing.0.to_string());
                if refusal.stage == ArrearsStage::Paid || refusal.announced.stage == ArrearsStage::Paid {
                    return error;
                }
                let announced = &refusal.announced;
                let error = error.field("Stage", refusal.stage.as_str());
                error.field("ReadOnlyAt", announced.read_only_at.iso()).field("EndsAt", announced.ends_at.iso())
            }
            Shortfall::Limit { exceeded, limit } => {
                let text = format!(
                    "This would exceed the spend limit of bucket {name}, {limit} until {end}, by {exceeded}. Ask the operator to \
                     raise it, or delete something. Reading and deleting go on."
                );
                S3Error::with(Code::SpendLimitExceeded, text).field("ExceededFrost", exceeded.0.to_string())
            }
        }
    }
}
