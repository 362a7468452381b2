//! Counting what is there under a quota, while commits go on.

use crate::metadata::buckets::quota_row::QuotaScope;
use crate::metadata::engine::database::Database;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// What the sums of a quota lack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MissingUsage {
    /// Bytes of content.
    pub bytes: i64,
    /// Versions that are no delete markers.
    pub objects: i64,
    /// Delete markers and unfinished uploads.
    pub extras: i64,
}

/// What the sums of a quota lack, whose commits add to them already. One statement sees the rows and the sums of one moment, and
/// every commit changes both, so the difference stays what it is. Nothing lacks in a quota that is gone.
pub(super) async fn missing(database: &Database, scope: QuotaScope) -> Result<MissingUsage> {
    let (which, id) = match scope {
        QuotaScope::Bucket(id) => ("b.id", id.0),
        QuotaScope::User(id) => ("b.account_id", id.0),
    };
    let text = format!(
        "SELECT CAST(v.bytes + p.bytes - q.bytes AS BIGINT), CAST(v.objects - q.objects AS BIGINT), \
         CAST(v.markers + u.uploads - q.extras AS BIGINT) FROM \
         (SELECT COALESCE(SUM(v.size), 0) AS bytes, COALESCE(SUM(CASE WHEN v.is_marker THEN 0 ELSE 1 END), 0) AS objects, \
         COALESCE(SUM(CASE WHEN v.is_marker THEN 1 ELSE 0 END), 0) AS markers \
         FROM version v JOIN bucket b ON b.id = v.bucket_id WHERE {which} = $1) v CROSS JOIN \
         (SELECT COALESCE(SUM(p.size), 0) AS bytes FROM part p JOIN upload u ON u.id = p.upload_id \
         JOIN bucket b ON b.id = u.bucket_id WHERE {which} = $2) p CROSS JOIN \
         (SELECT COUNT(*) AS uploads FROM upload u JOIN bucket b ON b.id = u.bucket_id WHERE {which} = $3) u \
         CROSS JOIN quota q WHERE q.scope = $4 AND q.id = $5"
    );
    let [kind, number] = scope.values();
    let row = database.row(Statement::new(text).bind(id).bind(id).bind(id).bind(kind).bind(number)).await?;
    row.map_or(Ok(MissingUsage::default()), |row| {
        Ok(MissingUsage { bytes: row.int(0)?, objects: row.int(1)?, extras: row.int(2)? })
    })
}
