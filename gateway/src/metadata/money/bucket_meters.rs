//! The meters of buckets as money reads them, and how far they were charged.

use std::collections::BTreeMap;

use crate::domain::BucketId;
use crate::ledger::{ChargedMeters, HOUR_MICROS, HourMeters};
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

/// Hours before the beginning of an epoch whose meters are read once more when it is charged: whatever commits that late is charged still.
const LATE_HOURS: i64 = 24;

/// Buckets whose meters one statement reads.
const BUCKETS_PER_STATEMENT: i64 = 500;

/// The hour before which nothing changes any more when an epoch that began at `begins_at` is charged.
pub(super) fn fold_hour(begins_at: i64) -> i64 {
    begins_at.div_euclid(HOUR_MICROS) - LATE_HOURS
}

/// The meters of buckets since an hour, by bucket.
pub(super) async fn since(
    session: &mut Session,
    buckets: impl IntoIterator<Item = BucketId>,
    since_hour: i64,
) -> Result<BTreeMap<BucketId, Vec<HourMeters>>> {
    let rows = buckets.into_iter().map(|bucket| [Value::Int(bucket.0)]).collect();
    let head = format!(
        "SELECT bucket_id, hour, CAST(SUM(encoded_bytes_added - encoded_bytes_removed) AS BIGINT), \
         CAST(SUM(moment_high) AS BIGINT), CAST(SUM(moment_low) AS BIGINT), \
         CAST(SUM(encoded_bytes_written) AS BIGINT), CAST(SUM(requests_read) AS BIGINT), \
         CAST(SUM(requests_write) AS BIGINT), CAST(SUM(egress_bytes) AS BIGINT) \
         FROM meter WHERE hour >= {since_hour} AND bucket_id IN (VALUES "
    );
    let mut found: BTreeMap<BucketId, Vec<HourMeters>> = BTreeMap::new();
    for row in session.rows_of_rows(&head, rows, ") GROUP BY bucket_id, hour ORDER BY bucket_id, hour").await? {
        found.entry(BucketId(row.int(0)?)).or_default().push(hour_meters(&row)?);
    }
    Ok(found)
}

fn hour_meters(row: &Row) -> Result<HourMeters> {
    Ok(HourMeters {
        hour: row.int(1)?,
        bytes: row.int(2)?,
        moment: (i128::from(row.int(3)?) << 32) + i128::from(row.int(4)?),
        written: row.number(5)?,
        requests_read: row.number(6)?,
        requests_write: row.number(7)?,
        egress: row.number(8)?,
    })
}

/// How far the meters of a bucket were charged; nothing for a bucket that never was.
pub(super) fn charged(text: &str) -> Result<ChargedMeters> {
    if text.is_empty() {
        return Ok(ChargedMeters::default());
    }
    serde_json::from_str(text).map_err(|error| MetadataError::Damaged(format!("charged meters: {error}")))
}

/// The reverse of [`charged`].
pub(super) fn charged_text(charged: &ChargedMeters) -> Result<String> {
    serde_json::to_string(charged).map_err(|error| MetadataError::Damaged(error.to_string()))
}

/// Notes that whatever buckets used before the first epoch is not to be charged.
pub(super) async fn begin(tx: &mut Session, at: i64) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let text =
            format!("SELECT id, name, account_id FROM bucket WHERE id > $1 ORDER BY id LIMIT {BUCKETS_PER_STATEMENT}");
        let buckets = tx.rows(Statement::new(text).bind(after)).await?;
        let mut ids = Vec::with_capacity(buckets.len());
        for row in &buckets {
            ids.push(BucketId(row.int(0)?));
        }
        let Some(last) = ids.last() else { return Ok(()) };
        after = last.0;
        let meters = since(tx, ids, 0).await?;
        let mut rows = Vec::with_capacity(buckets.len());
        for row in &buckets {
            let hours = meters.get(&BucketId(row.int(0)?)).map(Vec::as_slice).unwrap_or_default();
            let (_, charged) = ChargedMeters::default().charge(hours, at, fold_hour(at));
            let text = charged_text(&charged)?;
            rows.push([row.int(0)?.into(), row.text(1)?.into(), row.int(2)?.into(), text.as_str().into()]);
        }
        let tail = " ON CONFLICT (bucket_id) DO UPDATE SET meters = EXCLUDED.meters";
        tx.execute_rows("INSERT INTO bucket_funds (bucket_id, name, owner, meters) VALUES ", rows, tail).await?;
    }
}
