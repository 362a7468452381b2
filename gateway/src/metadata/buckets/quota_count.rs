//! Counting what is there under a quota, while commits go on.

use crate::domain::BucketId;
use crate::metadata::buckets::quota_row::QuotaScope;
use crate::metadata::engine::database::Database;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;

/// Versions counted by one statement, which the database ends after 30 s.
const VERSIONS_PER_PAGE: i64 = if cfg!(test) { 7 } else { 20_000 };
/// Uploads of which one statement counts the parts.
const UPLOADS_PER_PAGE: i64 = if cfg!(test) { 1 } else { 100 };
/// Buckets of a user read at a time.
const BUCKETS_PER_PAGE: i64 = if cfg!(test) { 1 } else { 1_000 };

/// What the sums of a quota lack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MissingUsage {
    /// Bytes of content.
    pub bytes: i64,
    /// Versions that are no delete markers.
    pub objects: i64,
    /// Delete markers and unfinished uploads.
    pub extras: i64,
}

/// What the sums of a quota lack, whose commits add to them already. All pages see the rows and the sums of one moment, and every
/// commit changes both, so the difference stays what it is. Nothing lacks in a quota that is gone.
pub(super) async fn missing(database: &Database, scope: QuotaScope) -> Result<MissingUsage> {
    let mut snapshot = database.snapshot().await?;
    let text = "SELECT bytes, objects, extras FROM quota WHERE scope = $1 AND id = $2";
    let [kind, number] = scope.values();
    let Some(sums) = snapshot.row(Statement::new(text).bind(kind).bind(number)).await? else {
        return Ok(MissingUsage::default());
    };
    let mut there = MissingUsage::default();
    match scope {
        QuotaScope::Bucket(id) => count(&mut snapshot, id, &mut there).await?,
        QuotaScope::User(id) => {
            let text =
                format!("SELECT id FROM bucket WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT {BUCKETS_PER_PAGE}");
            let mut after = 0;
            loop {
                let page = snapshot.rows(Statement::new(text.clone()).bind(id.0).bind(after)).await?;
                for row in &page {
                    after = row.int(0)?;
                    count(&mut snapshot, BucketId(after), &mut there).await?;
                }
                if page.is_empty() {
                    break;
                }
            }
        }
    }
    drop(snapshot);
    Ok(MissingUsage {
        bytes: there.bytes - sums.int(0)?,
        objects: there.objects - sums.int(1)?,
        extras: there.extras - sums.int(2)?,
    })
}

/// Adds what is in a bucket.
async fn count(snapshot: &mut Session, bucket: BucketId, there: &mut MissingUsage) -> Result<()> {
    let mut after = (Vec::new(), Value::from(-1_i64));
    loop {
        let end = end(snapshot, ("version", "seq", VERSIONS_PER_PAGE), bucket, &after).await?;
        let text = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT), COUNT(*), \
                    CAST(COALESCE(SUM(CASE WHEN is_marker THEN 1 ELSE 0 END), 0) AS BIGINT) \
                    FROM version WHERE bucket_id = $1 AND (key, seq) > ($2, $3)";
        if let Some(row) = snapshot.row(ranged(text, ("key", "seq"), bucket, &after, end.as_ref())).await? {
            let (all, markers) = (row.int(1)?, row.int(2)?);
            there.bytes = there.bytes.saturating_add(row.int(0)?);
            there.objects += all - markers;
            there.extras += markers;
        }
        let Some(next) = end else { break };
        after = next;
    }
    let mut after = (Vec::new(), Value::from(Vec::new()));
    loop {
        let end = end(snapshot, ("upload", "id", UPLOADS_PER_PAGE), bucket, &after).await?;
        let text = "SELECT COUNT(*), CAST(COALESCE(SUM((SELECT SUM(p.size) FROM part p WHERE p.upload_id = u.id)), 0) AS BIGINT) \
                    FROM upload u WHERE u.bucket_id = $1 AND (u.key, u.id) > ($2, $3)";
        if let Some(row) = snapshot.row(ranged(text, ("u.key", "u.id"), bucket, &after, end.as_ref())).await? {
            there.extras += row.int(0)?;
            there.bytes = there.bytes.saturating_add(row.int(1)?);
        }
        let Some(next) = end else { break };
        after = next;
    }
    Ok(())
}

/// A key, and what comes after it in the order of a table.
type Place = (Vec<u8>, Value);

/// The last place of a page; none when nothing is behind it.
async fn end(
    snapshot: &mut Session,
    (table, second, page): (&str, &str, i64),
    bucket: BucketId,
    after: &Place,
) -> Result<Option<Place>> {
    let text = format!(
        "SELECT key, {second} FROM {table} WHERE bucket_id = $1 AND (key, {second}) > ($2, $3) \
         ORDER BY key, {second} LIMIT 1 OFFSET {}",
        page - 1
    );
    let statement = Statement::new(text).bind(bucket.0).bind(after.0.clone()).bind(after.1.clone());
    let Some(row) = snapshot.row(statement).await? else { return Ok(None) };
    let second = if table == "upload" { row.bytes(1)?.into() } else { row.int(1)?.into() };
    Ok(Some((row.bytes(0)?.to_vec(), second)))
}

/// A statement about the rows after a place, up to another.
fn ranged(text: &str, (key, second): (&str, &str), bucket: BucketId, after: &Place, end: Option<&Place>) -> Statement {
    let until = if end.is_some() { format!(" AND ({key}, {second}) <= ($4, $5)") } else { String::new() };
    let statement = Statement::new(format!("{text}{until}"));
    let statement = statement.bind(bucket.0).bind(after.0.clone()).bind(after.1.clone());
    match end {
        Some((key, second)) => statement.bind(key.clone()).bind(second.clone()),
        None => statement,
    }
}
