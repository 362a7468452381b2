//! Reads and locks versions. The lock of a key's current version is exclusive for the key: others wait for that row,
//! and where there is none the index of current versions refuses a second.

use std::collections::BTreeSet;

use crate::domain::{BucketId, ObjectKey, VersionId};
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::commit::facts::{Facts, VersionFact};
use crate::metadata::commit::load::FactQuery;
use crate::metadata::engine::columns::{self, etag};
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::lock_columns;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

/// Keys that are asked about, in the order in which they are locked.
pub(in crate::metadata) type Keys<'k> = BTreeSet<(BucketId, &'k ObjectKey)>;

/// The columns of a version `v` that [`apply_row`] reads.
const COLUMNS: &str = "v.bucket_id, v.key, v.seq, v.version_id, v.size, v.etag, v.encoded_bytes, v.part_count, \
                       v.extent_count, v.blob_id, v.blob_offset, v.is_current, v.is_null, v.is_marker, v.lock_mode, \
                       v.retain_until, v.legal_hold";

/// The current versions of keys. Keys without one have no row to lock: on PostgreSQL `version_current` refuses a second.
pub(in crate::metadata) fn currents(dialect: Dialect, keys: &Keys<'_>) -> FactQuery {
    FactQuery { statements: of_keys(dialect, keys, &current(dialect), lock(dialect)), apply_row }
}

/// On PostgreSQL, a locking SELECT that waited for a version which was then replaced finds neither the old nor the new one.
/// Asks again, without waiting, about keys that seemed to have no version.
///
/// # Errors
/// [`MetadataError::Conflict`] when one of them has: the transaction must be run again.
pub(in crate::metadata) async fn confirm_absent(tx: &mut Session, keys: &Keys<'_>) -> Result<()> {
    if tx.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    let answers = tx.all(of_keys(tx.dialect(), keys, &current(tx.dialect()), "")).await?;
    if answers.iter().all(|answer| answer.rows.is_empty()) { Ok(()) } else { Err(MetadataError::Conflict) }
}

/// The id of a key's current version, delete markers included. Nothing is locked.
pub(in crate::metadata) fn current_id(bucket: BucketId, key: &ObjectKey) -> Statement {
    let text =
        "SELECT version_id FROM version WHERE bucket_id = $1 AND key = $2 AND is_current ORDER BY seq DESC LIMIT 1";
    Statement::new(text).bind(bucket.0).bind(key.as_bytes())
}

/// The null versions of keys that are not current.
pub(super) fn nulls(dialect: Dialect, keys: &Keys<'_>) -> FactQuery {
    let which = "v.is_null AND NOT v.is_current";
    FactQuery { statements: of_keys(dialect, keys, which, lock(dialect)), apply_row }
}

/// Versions by their ids.
pub(super) fn named(dialect: Dialect, names: &BTreeSet<(BucketId, &ObjectKey, VersionId)>) -> FactQuery {
    let rows = names.iter().map(|(bucket, key, id)| [Value::Int(bucket.0), key.as_bytes().into(), id.0.into()]);
    let tail = format!(
        ") SELECT {COLUMNS} FROM k CROSS JOIN version v WHERE v.version_id = k.version_id AND NOT v.is_null \
         AND v.bucket_id = k.bucket_id AND v.key = k.key{}",
        lock(dialect)
    );
    let head = "WITH k (bucket_id, key, version_id) AS (VALUES ";
    FactQuery { statements: Statement::pieces(dialect, head, rows.collect(), &tail), apply_row }
}

/// The newest versions of keys: as many as may go, and one more, which is then current.
pub(super) fn newest(dialect: Dialect, keys: &Keys<'_>, may_go: usize) -> FactQuery {
    // Few different numbers, so that prepared statements are used again.
    let skipped = may_go.next_power_of_two();
    let which = format!(
        "v.seq >= COALESCE((SELECT o.seq FROM version o WHERE o.bucket_id = k.bucket_id AND o.key = k.key \
         ORDER BY o.seq DESC LIMIT 1 OFFSET {skipped}), 0)"
    );
    FactQuery { statements: of_keys(dialect, keys, &which, lock(dialect)), apply_row }
}

/// The attributes of versions, by primary key.
pub(super) fn attributes(dialect: Dialect, locations: &BTreeSet<(BucketId, &ObjectKey, i64)>) -> FactQuery {
    let rows = locations.iter().map(|(bucket, key, seq)| [bucket.0.into(), key.as_bytes().into(), (*seq).into()]);
    let head = "SELECT version_id, attributes, checksum FROM version WHERE (bucket_id, key, seq) IN (VALUES ";
    FactQuery {
        statements: Statement::pieces(dialect, head, rows.collect(), ")"),
        apply_row: |facts, row| {
            let id = VersionId(row.array(0)?);
            facts.attributes.insert(id, columns::attributes(row.text(1)?)?);
            if let Some(checksum) = columns::checksum(row.bytes_if_any(2)?)? {
                facts.checksums.insert(id, checksum);
            }
            Ok(())
        },
    }
}

/// How the current version is found. SQLite has no index of those, but finds the newest at once, which is the same.
fn current(dialect: Dialect) -> String {
    let newest = match dialect {
        Dialect::Sqlite => {
            " AND v.seq = (SELECT MAX(m.seq) FROM version m WHERE m.bucket_id = k.bucket_id AND m.key = k.key)"
        }
        Dialect::Postgres => "",
    };
    format!("v.is_current{newest}")
}

fn lock(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "",
        Dialect::Postgres => " ORDER BY v.bucket_id, v.key, v.seq FOR UPDATE OF v",
    }
}

fn of_keys(dialect: Dialect, keys: &Keys<'_>, which: &str, lock: &str) -> Vec<Statement> {
    let tail = format!(
        ") SELECT {COLUMNS} FROM k CROSS JOIN version v \
         WHERE v.bucket_id = k.bucket_id AND v.key = k.key AND {which}{lock}"
    );
    let rows = keys.iter().map(|(bucket, key)| [Value::Int(bucket.0), key.as_bytes().into()]).collect();
    Statement::pieces(dialect, "WITH k (bucket_id, key) AS (VALUES ", rows, &tail)
}

/// Adds a version to the facts, once.
fn apply_row(facts: &mut Facts, row: &Row) -> Result<()> {
    let (id, size) = (VersionId(row.array(3)?), row.number(4)?);
    if let Some(extent) = columns::inline_extent(row, 9, size)? {
        facts.extents.insert(ExtentOwner(id.0), vec![extent]);
        facts.inline.insert(ExtentOwner(id.0));
    }
    let fact = VersionFact {
        seq: row.int(2)?,
        id,
        current: row.flag(11)?,
        null: row.flag(12)?,
        marker: row.flag(13)?,
        size,
        etag: etag(row.bytes(5)?)?,
        lock: lock_columns::version_lock(row, 14)?,
        encoded_bytes: row.number(6)?,
        extent_count: row.number(8)?,
        part_count: row.number(7)?,
    };
    let location = (BucketId(row.int(0)?), columns::key(row.bytes(1)?)?);
    if fact.current {
        facts.currents.insert(location, fact);
        return Ok(());
    }
    let older = facts.older.entry(location).or_default();
    if let Err(at) = older.binary_search_by(|known| fact.seq.cmp(&known.seq)) {
        older.insert(at, fact);
    }
    Ok(())
}
