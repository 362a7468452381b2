//! Billing an epoch that is over: some buckets in each transaction, each once. Settlement moves the money.

use crate::domain::BucketId;
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::price::{Charges, Usage, charges};
use crate::domain::money::transfer::{Transfer, TransferCode};
use crate::ledger::{ChargedMeters, Entry, HOUR_MICROS, Phase, transfer_id};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::int;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;
use crate::metadata::money::bucket_meters::{self, fold_hour};
use crate::metadata::money::epochs::{self, EpochState, MoneyEpoch};
use crate::metadata::money::funds_row::{self, FundsRow, Hold};
use crate::metadata::money::posting::LedgerEnd;
use crate::metadata::money::stored_entry;

/// What a step of charging came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeStep {
    /// No epoch is over that is not charged.
    Nothing,
    /// Some buckets were charged, and there may be more.
    Some(Epoch),
    /// The last ones were.
    Done(Epoch),
}

impl MetadataStore {
    /// Charges up to `most` buckets for the oldest epoch that is over since `margin_micros` and not charged. All of it is one transaction, with the
    /// place where the next one goes on: whatever is killed or runs twice, each bucket is charged once.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn charge_some(&self, most: usize, margin_micros: i64) -> Result<ChargeStep> {
        self.charge_before(Epoch(u64::MAX), most, margin_micros).await
    }

    /// The same for epochs before this one only: the time in which it is under way was believed.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn charge_before(&self, before: Epoch, most: usize, margin_micros: i64) -> Result<ChargeStep> {
        let mut session = self.database().reader().await?;
        let clock = session.row(Statement::new(format!("SELECT {}", session.dialect().now()))).await?;
        let now = clock.map_or(Ok(i64::MIN), |row| row.int(0))?;
        let chargeable = epochs::chargeable(&mut session, now, margin_micros).await?;
        if chargeable.is_none_or(|epoch| epoch.number >= before) {
            return Ok(ChargeStep::Nothing);
        }
        drop(session);
        self.database().transact(ChargeSome { before, most, margin_micros }).await
    }
}

struct ChargeSome {
    before: Epoch,
    most: usize,
    margin_micros: i64,
}

/// What one bucket owes.
struct Bill {
    funds: FundsRow,
    meters: ChargedMeters,
    usage: Usage,
    charges: Charges,
    is_over: bool,
}

impl Work for ChargeSome {
    type Done = ChargeStep;

    async fn run(&self, tx: &mut Session) -> Result<ChargeStep> {
        let end = LedgerEnd::hold(tx).await?;
        let chargeable = epochs::chargeable(tx, end.now, self.margin_micros).await?;
        let Some(epoch) = chargeable.filter(|epoch| epoch.number < self.before) else {
            return Ok(ChargeStep::Nothing);
        };
        let buckets = funds_row::next(tx, epoch.charged_through, self.most).await?;
        let is_last = buckets.len() < self.most;
        let through = buckets.last().map_or(epoch.charged_through, |funds| funds.bucket.0);
        let bills = bills(tx, &epoch, buckets).await?;
        if let Some(book) = epoch.mode.book() {
            insert_bills(tx, &epoch, book, &bills).await?;
        }
        update_funds(tx, &bills).await?;
        let state = if is_last { EpochState::Charged } else { EpochState::Charging };
        epochs::set_state(tx, epoch.number, state, through).await?;
        Ok(if is_last { ChargeStep::Done(epoch.number) } else { ChargeStep::Some(epoch.number) })
    }
}

/// What buckets used in an epoch, and what that costs.
async fn bills(tx: &mut Session, epoch: &MoneyEpoch, buckets: Vec<FundsRow>) -> Result<Vec<Bill>> {
    // A bucket without a mark came after the first epoch began: nothing of it is older than an epoch.
    let fold = fold_hour(epoch.begins_at.0);
    let marks = buckets.iter().map(|funds| funds.meters.since_hour()).filter(|hour| *hour > 0);
    let since = marks.chain([fold]).min().unwrap_or(fold);
    let hours = bucket_meters::since(tx, buckets.iter().map(|funds| funds.bucket), since).await?;
    let none = Vec::new();
    let bill = |funds: FundsRow| {
        let hours = hours.get(&funds.bucket).unwrap_or(&none);
        let (usage, meters) = funds.meters.charge(hours, epoch.ends_at.0, fold);
        // Nothing comes to a bucket that is gone. Its last hour may have begun before the end of the epoch and gone on after it.
        let last = hours.last().map_or(i64::MIN, |hour| (hour.hour + 1).saturating_mul(HOUR_MICROS));
        let is_over = funds.is_gone && last <= epoch.ends_at.0 && meters.is_over(hours, epoch.ends_at.0);
        Bill { usage, charges: charges(&usage, &epoch.prices, epoch.micros()), meters, is_over, funds }
    };
    Ok(buckets.into_iter().map(bill).collect())
}

/// What a transfer about a bucket follows from.
pub(super) fn cause(bucket: BucketId) -> String {
    format!("bucket/{}", bucket.0)
}

/// Releases a hold.
pub(super) fn release(bucket: BucketId, hold: &Hold, epoch: u64) -> Entry {
    let transfer = Transfer {
        id: transfer_id(&[b"release", &hold.id.0]),
        book: Book::On,
        debit: hold.payer.clone(),
        credit: LedgerAccount::Escrow(Epoch(epoch)),
        amount: hold.amount,
        code: TransferCode::Storage,
        epoch: Epoch(epoch),
        cause: cause(bucket),
    };
    Entry { transfer, phase: Phase::VoidPending(hold.id), linked: false }
}

async fn insert_bills(tx: &mut Session, epoch: &MoneyEpoch, book: Book, bills: &[Bill]) -> Result<()> {
    let mut rows = Vec::with_capacity(bills.len());
    for bill in bills.iter().filter(|bill| bill.usage != Usage::default()) {
        let (usage, charges) = (&bill.usage, &bill.charges);
        rows.push([
            int(epoch.number.0)?.into(),
            bill.funds.bucket.0.into(),
            bill.funds.name.as_str().into(),
            stored_entry::book_number(book).into(),
            bill.funds.pays().to_string().as_str().into(),
            usage.byte_micros.to_string().as_str().into(),
            int(usage.written_bytes)?.into(),
            int(usage.requests_read)?.into(),
            int(usage.requests_write)?.into(),
            int(usage.egress_bytes)?.into(),
            int(charges.storage.0)?.into(),
            int(charges.write.0)?.into(),
            int(charges.requests.0)?.into(),
            int(charges.egress.0)?.into(),
            Value::Int(0),
        ]);
    }
    let head = "INSERT INTO bill (epoch, bucket_id, bucket, book, payer, byte_micros, written_bytes, requests_read, \
                requests_write, egress_bytes, storage, write, requests, egress, unpaid) VALUES ";
    tx.execute_rows(head, rows, "").await.map(drop)
}

/// Notes how far buckets are charged; those that are gone and owe nothing any more are forgotten.
async fn update_funds(tx: &mut Session, bills: &[Bill]) -> Result<()> {
    let (mut kept, mut over) = (Vec::new(), Vec::new());
    for bill in bills {
        // Until what it owes was settled it stays, and then there is nothing more to charge.
        let owes = !bill.charges.total().is_zero() || !bill.funds.unpaid.is_zero() || bill.funds.hold.is_some();
        if bill.is_over && !owes {
            over.push([Value::Int(bill.funds.bucket.0)]);
            continue;
        }
        let meters = bucket_meters::charged_text(&bill.meters)?;
        kept.push([
            bill.funds.bucket.0.into(),
            bill.funds.name.as_str().into(),
            bill.funds.owner.0.into(),
            meters.as_str().into(),
            Value::Int(int(bill.funds.unpaid.0)?),
        ]);
    }
    let tail = " ON CONFLICT (bucket_id) DO UPDATE SET meters = EXCLUDED.meters";
    let head = "INSERT INTO bucket_funds (bucket_id, name, owner, meters, unpaid) VALUES ";
    tx.execute_rows(head, kept, tail).await?;
    tx.execute_rows("DELETE FROM bucket_funds WHERE bucket_id IN (VALUES ", over, ")").await.map(drop)
}
