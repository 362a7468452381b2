//! What buckets used and owed, epoch by epoch.

use std::collections::BTreeMap;

use crate::domain::BucketId;
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::price::{Charges, Usage};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{int, limit};
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::money::stored_entry::{account, book, book_number, frost};

/// What a bucket used and owed in an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillRow {
    /// The epoch.
    pub epoch: Epoch,
    /// The bucket.
    pub bucket: BucketId,
    /// Its name then.
    pub name: String,
    /// In which book it was charged.
    pub book: Book,
    /// Who paid.
    pub payer: LedgerAccount,
    /// What it used.
    pub usage: Usage,
    /// What that cost.
    pub charges: Charges,
    /// How much of it the payer could not pay when it was charged.
    pub unpaid: Frost,
}

const COLUMNS: &str = "epoch, bucket_id, bucket, book, payer, byte_micros, written_bytes, requests_read, requests_write, \
                       egress_bytes, storage, write, requests, egress, unpaid";

impl MetadataStore {
    /// The bills of a bucket by its name, also of those of that name that are gone; the newest first, or that of one epoch.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn bills_of(&self, bucket: &str, epoch: Option<Epoch>, most: usize) -> Result<Vec<BillRow>> {
        let (first, last) = match epoch {
            Some(epoch) => (int(epoch.0)?, int(epoch.0)?),
            None => (0, i64::MAX),
        };
        let text = format!(
            "SELECT {COLUMNS} FROM bill WHERE bucket = $1 AND epoch BETWEEN $2 AND $3 ORDER BY epoch DESC, bucket_id LIMIT $4"
        );
        let statement = Statement::new(text).bind(bucket).bind(first).bind(last).bind(limit(most));
        self.database().rows(statement).await?.iter().map(bill).collect()
    }

    /// The bills of an epoch, by bucket, after a number.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn bills_of_epoch(&self, epoch: Epoch, after: i64, most: usize) -> Result<Vec<BillRow>> {
        let text =
            format!("SELECT {COLUMNS} FROM bill WHERE epoch = $1 AND bucket_id > $2 ORDER BY bucket_id LIMIT $3");
        let statement = Statement::new(text).bind(int(epoch.0)?).bind(after).bind(limit(most));
        self.database().rows(statement).await?.iter().map(bill).collect()
    }
}

/// What buckets owe for epochs that are not settled: it was billed, and no money has moved.
pub(super) async fn unsettled(
    session: &mut Session,
    of: Book,
    buckets: impl IntoIterator<Item = BucketId>,
) -> Result<BTreeMap<BucketId, Frost>> {
    let rows = buckets.into_iter().map(|bucket| [Value::Int(bucket.0)]).collect();
    let head = format!(
        "SELECT bucket_id, CAST(SUM(storage + write + requests + egress) AS BIGINT) FROM bill WHERE book = {} \
         AND epoch IN (SELECT number FROM epoch WHERE state <> 'settled') AND bucket_id IN (VALUES ",
        book_number(of)
    );
    let rows = session.rows_of_rows(&head, rows, ") GROUP BY bucket_id").await?;
    rows.iter().map(|row| Ok((BucketId(row.int(0)?), frost(row, 1)?))).collect()
}

fn bill(row: &Row) -> Result<BillRow> {
    let byte_micros = row.text(5)?;
    let damaged = |_| MetadataError::Damaged(format!("a bill over {byte_micros:?} byte-microseconds"));
    Ok(BillRow {
        epoch: Epoch(row.number(0)?),
        bucket: BucketId(row.int(1)?),
        name: row.text(2)?.to_owned(),
        book: book(row.int(3)?)?,
        payer: account(row.text(4)?)?,
        usage: Usage {
            byte_micros: byte_micros.parse().map_err(damaged)?,
            written_bytes: row.number(6)?,
            requests_read: row.number(7)?,
            requests_write: row.number(8)?,
            egress_bytes: row.number(9)?,
        },
        charges: Charges {
            storage: frost(row, 10)?,
            write: frost(row, 11)?,
            requests: frost(row, 12)?,
            egress: frost(row, 13)?,
        },
        unpaid: frost(row, 14)?,
    })
}
