//! What writes cost, and whether their buckets' funds allow them. A request waits for the database once in a while, and writes nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::domain::{Bucket, BucketId};
use crate::ledger::{Shortfall, quote};
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

    /// Refuses an operation that brings bytes when the bucket's funds or its limit do not allow them.
    ///
    /// # Errors
    /// `InsufficientFunds` (402) or `SpendLimitExceeded` (403), which clients do not try again, with what is missing.
    pub async fn check(&self, operation: &str, bucket: &Bucket, bytes: u64) -> Result<(), S3Error> {
        if self.mode == MoneyMode::Off || !BRING_BYTES.contains(&operation) {
            return Ok(());
        }
        let Some(seen) = self.refreshed_epoch().await? else { return Ok(()) };
        if seen.epoch.mode != MoneyMode::On {
            return Ok(());
        }
        let more = self.charges(&seen, bytes, Fees::Written);
        match self.funds(bucket.id, more).await? {
            Ok(()) => Ok(()),
            Err((shortfall, payer)) => Err(self.refused(bucket, &seen.epoch, shortfall, &payer)),
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
        let encoded = self.objects.encoded_bytes(None, bytes);
        let charges = quote(encoded, seen.left, seen.epoch.micros(), 0, &seen.epoch.prices);
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

    /// Whether a bucket's funds allow so much more, which is counted until its meters are read again.
    async fn funds(&self, bucket: BucketId, more: Frost) -> Result<Result<(), (Shortfall, String)>, S3Error> {
        if let Some(known) = self.known(bucket, more) {
            return Ok(known);
        }
        let Some((cost, _)) = self.metadata.bucket_cost(bucket).await? else { return Ok(Ok(())) };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            buckets.clear();
        }
        buckets.insert(bucket, (Instant::now(), cost));
        drop(buckets);
        Ok(self.known(bucket, more).unwrap_or(Ok(())))
    }

    fn known(&self, bucket: BucketId, more: Frost) -> Option<Result<(), (Shortfall, String)>> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, cost) = buckets.get_mut(&bucket).filter(|(at, _)| at.elapsed() < FRESH)?;
        Some(match cost.funds.allow(more) {
            Ok(()) => {
                cost.funds.projected = cost.funds.projected.checked_add(more).unwrap_or(Frost::MAX);
                Ok(())
            }
            Err(shortfall) => Err((shortfall, cost.payer.to_string())),
        })
    }

    fn refused(&self, bucket: &Bucket, epoch: &MoneyEpoch, shortfall: Shortfall, payer: &str) -> S3Error {
        let (name, end) = (&bucket.name, epoch.ends_at.iso());
        match shortfall {
            Shortfall::Funds { missing } => {
                let pay = match &self.pay_at {
                    Some(place) => format!("Pay at {place}"),
                    None => "Ask the operator to credit it".to_owned(),
                };
                let text = format!(
                    "{missing} are missing to keep this in bucket {name} until {end}: account {payer} pays for it. {pay}, or \
                     delete something. Reading and deleting go on."
                );
                S3Error::with(Code::InsufficientFunds, text).field("MissingFrost", missing.0.to_string())
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
