//! The row of a bucket's funds.

use std::collections::BTreeMap;

use crate::domain::money::account::LedgerAccount;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::TransferId;
use crate::domain::{BucketId, Timestamp, UserId};
use crate::ledger::{Announced, ArrearsStage, ChargedMeters};
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::money::{bucket_meters, stored_entry};

/// A bucket as money sees it.
#[derive(Clone, Debug)]
pub(super) struct FundsRow {
    pub bucket: BucketId,
    pub name: String,
    pub owner: UserId,
    /// Who pays instead of the owner.
    pub payer: Option<LedgerAccount>,
    pub limit: Option<Frost>,
    pub is_gone: bool,
    pub meters: ChargedMeters,
    pub hold: Option<Hold>,
    /// How often the hold was made in its epoch.
    pub hold_grown: u64,
    pub hold_epoch: u64,
    pub unpaid: Frost,
    pub alerted_epoch: u64,
    pub alerted_percent: u64,
    /// What was announced because it owes.
    pub announced: Announced,
    /// The operator gave up its content after the announced end.
    pub is_given_up: bool,
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub id: TransferId,
    pub payer: LedgerAccount,
    pub amount: Frost,
}

impl FundsRow {
    /// The account that pays.
    pub fn pays(&self) -> LedgerAccount {
        self.payer.clone().unwrap_or_else(|| LedgerAccount::Payer(self.owner.account_number()))
    }
}

/// What is read of buckets `b` (the live row) and their funds `f`, either of which may be missing.
const COLUMNS: &str = "x.id, COALESCE(b.name, f.name), COALESCE(b.account_id, f.owner), COALESCE(f.payer, ''), f.spend_limit, \
                       b.id IS NULL, COALESCE(f.meters, ''), f.hold_id, COALESCE(f.hold_payer, ''), \
                       COALESCE(f.hold_amount, 0), COALESCE(f.hold_grown, 0), COALESCE(f.hold_epoch, 0), \
                       COALESCE(f.unpaid, 0), COALESCE(f.alerted_epoch, 0), COALESCE(f.alerted_percent, 0), \
                       COALESCE(f.arrears_stage, 0), COALESCE(f.arrears_since, 0), COALESCE(f.read_only_at, 0), \
                       COALESCE(f.ends_at, 0), COALESCE(f.is_given_up, FALSE)";

/// The next buckets after a number, those that are there and those that are gone and not charged to the end.
pub(super) async fn next(session: &mut Session, after: i64, most: usize) -> Result<Vec<FundsRow>> {
    let text = format!(
        "SELECT {COLUMNS} FROM (SELECT id FROM bucket WHERE id > $1 UNION SELECT bucket_id FROM bucket_funds \
         WHERE bucket_id > $2) x LEFT JOIN bucket b ON b.id = x.id LEFT JOIN bucket_funds f ON f.bucket_id = x.id \
         ORDER BY x.id LIMIT {most}"
    );
    let statement = Statement::new(text).bind(after).bind(after);
    session.rows(statement).await?.iter().map(funds).collect()
}

/// Some buckets by number.
pub(super) async fn of(session: &mut Session, buckets: &[BucketId]) -> Result<BTreeMap<BucketId, FundsRow>> {
    let rows = buckets.iter().map(|bucket| [Value::Int(bucket.0)]).collect();
    let tail = format!(
        ") SELECT {COLUMNS} FROM x LEFT JOIN bucket b ON b.id = x.id LEFT JOIN bucket_funds f ON f.bucket_id = x.id \
         WHERE b.id IS NOT NULL OR f.bucket_id IS NOT NULL"
    );
    let rows = session.rows_of_rows("WITH x (id) AS (VALUES ", rows, &tail).await?;
    rows.iter().map(|row| funds(row).map(|funds| (funds.bucket, funds))).collect()
}

/// Buckets that owe after a number, those among them that are gone left out.
pub(super) async fn owing(session: &mut Session, after: i64, most: usize) -> Result<Vec<FundsRow>> {
    let text = format!(
        "SELECT {COLUMNS} FROM (SELECT bucket_id AS id FROM bucket_funds WHERE bucket_id > $1 \
         AND (unpaid > 0 OR arrears_stage > 0)) x JOIN bucket b ON b.id = x.id \
         JOIN bucket_funds f ON f.bucket_id = x.id ORDER BY x.id LIMIT {most}"
    );
    session.rows(Statement::new(text).bind(after)).await?.iter().map(funds).collect()
}

fn announced(row: &Row) -> Result<Announced> {
    let number = row.int(15)?;
    let stage = ArrearsStage::ALL.into_iter().find(|stage| stage.number() == number);
    Ok(Announced {
        stage: stage.ok_or_else(|| MetadataError::Damaged(format!("a stage of arrears {number}")))?,
        since: Timestamp(row.int(16)?),
        read_only_at: Timestamp(row.int(17)?),
        ends_at: Timestamp(row.int(18)?),
    })
}

fn funds(row: &Row) -> Result<FundsRow> {
    let payer = row.text(3)?;
    let hold = match row.bytes_if_any(7)? {
        None => None,
        Some(_) => Some(Hold {
            id: TransferId(row.array(7)?),
            payer: stored_entry::account(row.text(8)?)?,
            amount: stored_entry::frost(row, 9)?,
        }),
    };
    Ok(FundsRow {
        bucket: BucketId(row.int(0)?),
        name: row.text(1)?.to_owned(),
        owner: UserId(row.int(2)?),
        payer: if payer.is_empty() { None } else { Some(stored_entry::account(payer)?) },
        limit: row.number_if_any(4)?.map(Frost),
        is_gone: row.flag(5)?,
        meters: bucket_meters::charged(row.text(6)?)?,
        hold,
        hold_grown: row.number(10)?,
        hold_epoch: row.number(11)?,
        unpaid: stored_entry::frost(row, 12)?,
        alerted_epoch: row.number(13)?,
        alerted_percent: row.number(14)?,
        announced: announced(row)?,
        is_given_up: row.flag(19)?,
    })
}
