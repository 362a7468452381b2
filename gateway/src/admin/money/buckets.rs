//! What buckets use and cost, who pays, and their invoices.

use serde::{Deserialize, Serialize};

use super::{account, bucket};
use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::ledger::ArrearsStage;
use crate::metadata::{BillRow, BucketCost, EndDecision};

const DAY_MICROS: i64 = 86_400_000_000;

/// Buckets that are read at once.
const PAGE: usize = 500;

/// Bills that are shown of a bucket.
const BILLS_SHOWN: usize = 100;

/// Show what buckets use and cost in the epoch that is under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowUsage {
    /// One bucket.
    pub bucket: Option<String>,
}

/// A bucket in the epoch that is under way. Costs are FROST.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownUsage {
    /// Its name.
    pub bucket: String,
    /// The account that pays.
    pub payer: String,
    /// Encoded bytes it holds.
    pub encoded_bytes: u64,
    /// Encoded bytes that were written and are not charged yet.
    pub written_bytes: u64,
    /// Requests that are not charged yet.
    pub requests: u64,
    /// Bytes of response bodies that are not charged yet.
    pub egress_bytes: u64,
    /// What it cost so far.
    pub so_far: u64,
    /// What it costs by the end of the epoch if nothing changes.
    pub projected: u64,
    /// What is reserved for it.
    pub hold: u64,
    /// What its payer has besides.
    pub free: u64,
    /// What earlier epochs cost and was not paid.
    pub unpaid: u64,
    /// The most that an epoch may cost.
    pub spend_limit: Option<u64>,
    /// What becomes of it, where it owes for past epochs.
    pub arrears: Option<ShownArrears>,
}

/// What becomes of a bucket that owes for past epochs. Reading and deleting go on in every stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownArrears {
    /// `grace`: no new content; `read-only`: no change but deletions; `ended`: as before, and the operator decides.
    pub stage: String,
    /// When it became known.
    pub since: Option<String>,
    /// When grace ends.
    pub read_only_at: Option<String>,
    /// When the operator decides.
    pub ends_at: Option<String>,
    /// The operator decided that its content may go, unless it is locked.
    pub is_given_up: bool,
}

/// What an operator decides about a bucket that owes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrearsRequest {
    /// Nothing: show it.
    Show,
    /// Its dates move by so many days to later; nothing more is removed.
    ExtendDays(u32),
    /// Its content stays.
    Keep,
    /// After the announced end, what is not locked is removed in the background.
    RemoveContent,
}

/// Show buckets that owe, or decide about one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DecideArrears {
    /// One bucket; all that owe without it.
    pub bucket: Option<String>,
    /// What is decided.
    pub request: ArrearsRequest,
}

/// Show what a bucket used and owed in past epochs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowInvoice {
    /// The bucket's name; one that is gone has invoices too.
    pub bucket: String,
    /// One epoch.
    pub epoch: Option<u64>,
}

/// What a bucket used and owed in an epoch. Amounts are FROST, each rounded up once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownBill {
    /// The epoch.
    pub epoch: u64,
    /// The bucket's name then.
    pub bucket: String,
    /// Its number, which no other bucket ever has.
    pub bucket_number: i64,
    /// Who paid.
    pub payer: String,
    /// Encoded bytes times microseconds, as decimal digits.
    pub byte_micros: String,
    /// Encoded bytes that were written.
    pub written_bytes: u64,
    /// Requests that change nothing.
    pub requests_read: u64,
    /// Requests that change something or list.
    pub requests_write: u64,
    /// Bytes of response bodies.
    pub egress_bytes: u64,
    /// For keeping.
    pub storage: u64,
    /// For writing.
    pub write: u64,
    /// For requests.
    pub requests: u64,
    /// For response bodies.
    pub egress: u64,
    /// All of it.
    pub total: u64,
    /// How much of it could not be paid when it was charged.
    pub unpaid: u64,
}

/// What is changed about who pays for a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FundsRequest {
    /// Nothing: show it.
    Show,
    /// This account pays: a user's name or an account's.
    Payer(String),
    /// Funds of its own pay, which `haulout account credit bucket/NAME` fills.
    OwnFunds,
    /// Its owner's account pays.
    Owner,
    /// An epoch may cost so much FROST.
    SpendLimit(u64),
    /// An epoch may cost anything.
    NoSpendLimit,
}

/// Show or change who pays for a bucket, and how much.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FundBucket {
    /// The bucket's name.
    pub bucket: String,
    /// What is changed.
    pub request: FundsRequest,
}

impl Operation for ShowUsage {
    const NAME: &'static str = "usage-show";
    type Reply = Vec<ShownUsage>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        if let Some(name) = &self.bucket {
            return Ok(vec![usage_of(admin, name).await?]);
        }
        let (mut shown, mut after) = (Vec::new(), i64::MIN);
        loop {
            let page = admin.metadata.bucket_costs(after, PAGE).await?;
            shown.extend(page.iter().map(shown_usage));
            match page.last() {
                Some(last) if page.len() >= PAGE => after = last.bucket.0,
                _ => return Ok(shown),
            }
        }
    }
}

impl Operation for ShowInvoice {
    const NAME: &'static str = "invoice-show";
    type Reply = Vec<ShownBill>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        let bills = admin.metadata.bills_of(&self.bucket, self.epoch.map(Epoch), BILLS_SHOWN).await?;
        Ok(bills.iter().map(shown_bill).collect())
    }
}

impl Operation for FundBucket {
    const NAME: &'static str = "bucket-funds";
    type Reply = ShownUsage;

    fn changes(&self) -> bool {
        self.request != FundsRequest::Show
    }

    async fn run(self, admin: &Admin) -> Result<ShownUsage> {
        let number = bucket(admin, &self.bucket).await?;
        let metadata = &admin.metadata;
        let is_there = match &self.request {
            FundsRequest::Show => true,
            FundsRequest::Payer(name) => metadata.set_payer(number, Some(account(admin, name).await?)).await?,
            FundsRequest::OwnFunds => {
                let own = crate::domain::money::account::LedgerAccount::Bucket(number.0.to_string());
                metadata.set_payer(number, Some(own)).await?
            }
            FundsRequest::Owner => metadata.set_payer(number, None).await?,
            FundsRequest::SpendLimit(most) => metadata.set_spend_limit(number, Some(Frost(*most))).await?,
            FundsRequest::NoSpendLimit => metadata.set_spend_limit(number, None).await?,
        };
        if !is_there {
            return Err(AdminError::refused(format!("there is no bucket named {:?}", self.bucket)));
        }
        usage_of(admin, &self.bucket).await
    }
}

impl Operation for DecideArrears {
    const NAME: &'static str = "bucket-arrears";
    type Reply = Vec<ShownUsage>;

    fn changes(&self) -> bool {
        self.request != ArrearsRequest::Show
    }

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        let Some(name) = &self.bucket else {
            if self.request != ArrearsRequest::Show {
                return Err(AdminError::refused("name the bucket"));
            }
            return in_arrears(admin).await;
        };
        let number = bucket(admin, name).await?;
        let decision = match self.request {
            ArrearsRequest::Show => return Ok(vec![usage_of(admin, name).await?]),
            ArrearsRequest::ExtendDays(days) => EndDecision::Extend(i64::from(days).saturating_mul(DAY_MICROS)),
            ArrearsRequest::Keep => EndDecision::Keep,
            ArrearsRequest::RemoveContent => EndDecision::GiveUp,
        };
        if !admin.metadata.decide_arrears(number, decision).await? {
            let why = match decision {
                EndDecision::GiveUp => "its announced end has not come: see `haulout bucket arrears`",
                EndDecision::Extend(_) | EndDecision::Keep => "nothing was announced about it",
            };
            return Err(AdminError::refused(format!("bucket {name}: {why}")));
        }
        Ok(vec![usage_of(admin, name).await?])
    }
}

async fn in_arrears(admin: &Admin) -> Result<Vec<ShownUsage>> {
    let (mut shown, mut after) = (Vec::new(), i64::MIN);
    loop {
        let page = admin.metadata.buckets_in_arrears(after, PAGE).await?;
        shown.extend(page.iter().map(shown_usage));
        match page.last() {
            Some(last) if page.len() >= PAGE => after = last.bucket.0,
            _ => return Ok(shown),
        }
    }
}

fn shown_arrears(cost: &BucketCost) -> Option<ShownArrears> {
    let announced = &cost.arrears.announced;
    let is_dated = announced.stage > ArrearsStage::Paid;
    (cost.stage > ArrearsStage::Paid).then(|| ShownArrears {
        stage: cost.stage.as_str().to_owned(),
        since: is_dated.then(|| announced.since.iso()),
        read_only_at: is_dated.then(|| announced.read_only_at.iso()),
        ends_at: is_dated.then(|| announced.ends_at.iso()),
        is_given_up: cost.is_given_up,
    })
}

async fn usage_of(admin: &Admin, name: &str) -> Result<ShownUsage> {
    let number = bucket(admin, name).await?;
    let cost = admin.metadata.bucket_cost(number).await?;
    let none = || AdminError::refused("no epoch has begun: start `haulout serve` first");
    cost.map(|(cost, _)| shown_usage(&cost)).ok_or_else(none)
}

fn shown_usage(cost: &BucketCost) -> ShownUsage {
    ShownUsage {
        bucket: cost.name.clone(),
        payer: cost.payer.to_string(),
        encoded_bytes: cost.bytes,
        written_bytes: cost.usage.written_bytes,
        requests: cost.usage.requests_read.saturating_add(cost.usage.requests_write),
        egress_bytes: cost.usage.egress_bytes,
        so_far: cost.so_far.total().0,
        projected: cost.projected.total().0,
        hold: cost.funds.hold.0,
        free: cost.funds.free.0,
        unpaid: cost.funds.unpaid.0,
        spend_limit: cost.funds.limit.map(|limit| limit.0),
        arrears: shown_arrears(cost),
    }
}

fn shown_bill(bill: &BillRow) -> ShownBill {
    let (usage, charges) = (&bill.usage, &bill.charges);
    ShownBill {
        epoch: bill.epoch.0,
        bucket: bill.name.clone(),
        bucket_number: bill.bucket.0,
        payer: bill.payer.to_string(),
        byte_micros: usage.byte_micros.to_string(),
        written_bytes: usage.written_bytes,
        requests_read: usage.requests_read,
        requests_write: usage.requests_write,
        egress_bytes: usage.egress_bytes,
        storage: charges.storage.0,
        write: charges.write.0,
        requests: charges.requests.0,
        egress: charges.egress.0,
        total: charges.total().0,
        unpaid: bill.unpaid.0,
    }
}
