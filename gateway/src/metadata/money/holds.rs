//! Who pays for buckets: payers, limits, holds, and what was left unpaid.

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::domain::money::transfer::{Transfer, TransferCode};
use crate::domain::{BucketId, Timestamp};
use crate::ledger::{Entry, Phase, transfer_id};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{int, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::money::charging::{cause, release};
use crate::metadata::money::epochs::MoneyEpoch;
use crate::metadata::money::funds_row::Hold;
use crate::metadata::money::posting::LedgerEnd;
use crate::metadata::money::{bucket_costs, epochs, funds_row, stored_entry};

impl MetadataStore {
    /// Says who pays for a bucket: an account of the ledger, or its owner's. Answers whether there is the bucket.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn set_payer(&self, bucket: BucketId, payer: Option<LedgerAccount>) -> Result<bool> {
        let value = payer.map_or(String::new(), |payer| payer.to_string());
        self.database().transact(Set { bucket, column: "payer", value: Value::Text(value) }).await
    }

    /// Says how much an epoch of a bucket may cost; any amount for none. Answers whether there is the bucket.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn set_spend_limit(&self, bucket: BucketId, most: Option<Frost>) -> Result<bool> {
        let value = most.map(|most| int(most.0)).transpose()?.map_or(Value::NoInt, Value::Int);
        self.database().transact(Set { bucket, column: "spend_limit", value }).await
    }

    /// Reserves what the epoch is going to cost for some buckets after a number, where money is charged; the last bucket that was looked at,
    /// if there may be more. Nothing is reserved while an earlier epoch is not charged: its own holds pay for it.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn reserve_some(&self, after: i64, most: usize) -> Result<Option<i64>> {
        match self.money_epoch().await? {
            Some((epoch, _)) if epoch.mode == MoneyMode::On => self.database().transact(Reserve { after, most }).await,
            _ => Ok(None),
        }
    }

    /// Charges what earlier epochs left unpaid, as far as payers have funds now; what comes is earned in a
    /// later epoch, like all that is left over. How many
    /// transfers that took.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn charge_unpaid(&self, most: usize) -> Result<usize> {
        let text = "SELECT bucket_id FROM bucket_funds WHERE unpaid > 0 LIMIT 1";
        match (self.money_epoch().await?, self.database().row(Statement::new(text)).await?) {
            (Some((epoch, _)), Some(_)) if epoch.mode == MoneyMode::On => {
                self.database().transact(ChargeUnpaid { most }).await
            }
            _ => Ok(0),
        }
    }
}

struct Set {
    bucket: BucketId,
    column: &'static str,
    value: Value,
}

impl Work for Set {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        LedgerEnd::hold(tx).await?;
        bucket_costs::set(tx, self.bucket, self.column, self.value.clone()).await
    }
}

struct Reserve {
    after: i64,
    most: usize,
}

impl Work for Reserve {
    type Done = Option<i64>;

    async fn run(&self, tx: &mut Session) -> Result<Option<i64>> {
        let mut end = LedgerEnd::hold(tx).await?;
        let Some(epoch) = epochs::only_open(tx).await?.filter(|epoch| epoch.mode == MoneyMode::On) else {
            return Ok(None);
        };
        let rows = funds_row::next(tx, self.after, self.most).await?;
        let more = rows.last().filter(|_| rows.len() >= self.most).map(|row| row.bucket.0);
        let costs = bucket_costs::costs(tx, &epoch, Timestamp(end.now), rows.clone()).await?;
        for (row, cost) in rows.into_iter().zip(costs).filter(|(row, _)| !row.is_gone) {
            if let Some(amount) = cost.funds.wanted_hold() {
                reserve(tx, &mut end, &epoch, row, amount).await?;
            }
        }
        Ok(more)
    }
}

/// Replaces the hold of a bucket by a larger one.
async fn reserve(
    tx: &mut Session,
    end: &mut LedgerEnd,
    epoch: &MoneyEpoch,
    row: funds_row::FundsRow,
    amount: Frost,
) -> Result<()> {
    let times = row.hold_grown.saturating_add(1);
    let id = transfer_id(&[b"hold", &row.bucket.0.to_be_bytes(), &times.to_be_bytes(), &epoch.number.0.to_be_bytes()]);
    let hold = Hold { id, payer: row.pays(), amount };
    let pending = Transfer {
        id,
        book: Book::On,
        debit: hold.payer.clone(),
        credit: LedgerAccount::Escrow(epoch.number),
        amount,
        code: TransferCode::Storage,
        epoch: epoch.number,
        cause: cause(row.bucket),
    };
    let mut batch = Vec::new();
    if let Some(old) = &row.hold {
        batch.push(Entry { linked: true, ..release(row.bucket, old, row.hold_epoch) });
    }
    batch.push(Entry { transfer: pending, phase: Phase::Pending { timeout_micros: None }, linked: false });
    let outcomes = end.append(tx, &batch).await?;
    if !outcomes.iter().all(|outcome| outcome.stands()) {
        // Another bucket of the payer has taken what was free. What is reserved stays reserved.
        return Ok(());
    }
    let text = "INSERT INTO bucket_funds (bucket_id, name, owner, hold_id, hold_amount, hold_payer, hold_epoch, hold_grown) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (bucket_id) DO UPDATE SET \
                hold_id = EXCLUDED.hold_id, hold_amount = EXCLUDED.hold_amount, hold_payer = EXCLUDED.hold_payer, \
                hold_epoch = EXCLUDED.hold_epoch, hold_grown = EXCLUDED.hold_grown";
    let statement = Statement::new(text)
        .bind(row.bucket.0)
        .bind(&*row.name)
        .bind(row.owner.0)
        .bind(hold.id.0)
        .bind(int(hold.amount.0)?)
        .bind(&*hold.payer.to_string())
        .bind(int(epoch.number.0)?)
        .bind(int(times)?);
    tx.execute(statement).await.map(drop)
}

struct ChargeUnpaid {
    most: usize,
}

impl Work for ChargeUnpaid {
    type Done = usize;

    async fn run(&self, tx: &mut Session) -> Result<usize> {
        let mut end = LedgerEnd::hold(tx).await?;
        let Some(epoch) = epochs::last(tx).await? else { return Ok(0) };
        let text = "SELECT bucket_id FROM bucket_funds WHERE unpaid > 0 ORDER BY bucket_id LIMIT $1";
        let mut buckets = Vec::new();
        for row in tx.rows(Statement::new(text).bind(limit(self.most))).await? {
            buckets.push(BucketId(row.int(0)?));
        }
        let rows = funds_row::of(tx, &buckets).await?;
        let mut free = stored_entry::free_of(tx, Book::On, rows.values().map(funds_row::FundsRow::pays)).await?;
        let mut posted = 0;
        for row in rows.into_values() {
            let left = free.entry(row.pays()).or_default();
            let paid = row.unpaid.min(*left);
            if paid.is_zero() {
                continue;
            }
            *left = left.saturating_sub(paid);
            // Whatever was posted before, this is another transfer: the row says what is left in the same transaction.
            let number = end.seq().saturating_add(1).to_be_bytes();
            let entry = Entry::posted(Transfer {
                id: transfer_id(&[b"unpaid", &row.bucket.0.to_be_bytes(), &number]),
                book: Book::On,
                debit: row.pays(),
                credit: LedgerAccount::Remainder,
                amount: paid,
                code: TransferCode::Correction,
                epoch: epoch.number,
                cause: format!("unpaid of {}", cause(row.bucket)),
            });
            if !end.append(tx, &[entry]).await?.iter().all(|outcome| outcome.stands()) {
                return Err(MetadataError::Damaged(format!("what is unpaid of bucket {} is refused", row.bucket.0)));
            }
            let text = "UPDATE bucket_funds SET unpaid = unpaid - $1 WHERE bucket_id = $2";
            tx.execute(Statement::new(text).bind(int(paid.0)?).bind(row.bucket.0)).await?;
            posted += 1;
        }
        Ok(posted)
    }
}
