//! Reads and locks the rows a transaction is about, always in the same order: incarnation, buckets, uploads, keys, parts,
//! extents, blobs. Within each, ascending. So two gateways wait for each other but not in a circle.
//!
//! Each function here is a [`FactQuery`]; those that do not depend on each other's results are run together.

use std::collections::BTreeSet;

use codec::BlobId;

use crate::domain::{BucketId, PartNumber, UploadId, UserId, VersionId};
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::buckets::quota_row::{self, QuotaScope};
use crate::metadata::commit::facts::{
    BegunOver, BlobFact, BucketFact, Facts, MeteredFact, MeteredRow, PartFact, UploadFact,
};
use crate::metadata::engine::columns::{self, etag, salt};
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::lock_columns;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

/// Statements, and how a row of their results is added to the facts.
pub(in crate::metadata) struct FactQuery {
    pub(super) statements: Vec<Statement>,
    pub(super) apply_row: fn(&mut Facts, &Row) -> Result<()>,
}

/// Runs the queries, in order.
pub(in crate::metadata) async fn ask(
    tx: &mut Session,
    facts: &mut Facts,
    queries: impl IntoIterator<Item = FactQuery>,
) -> Result<()> {
    let mut statements = Vec::new();
    let mut row_handlers = Vec::new();
    for query in queries {
        row_handlers.extend(query.statements.iter().map(|_| query.apply_row));
        statements.extend(query.statements);
    }
    for (answer, apply_row) in tx.all(statements).await?.iter().zip(row_handlers) {
        for row in &answer.rows {
            apply_row(facts, row)?;
        }
    }
    Ok(())
}

/// The database's time; with an incarnation only if that may commit, which it then may until the end of the transaction.
pub(in crate::metadata) fn now(dialect: Dialect, incarnation: Option<u32>) -> FactQuery {
    let now = dialect.now();
    let statement = match incarnation {
        None => Statement::new(format!("SELECT {now}")),
        Some(id) => {
            let lock = dialect.for_share();
            Statement::new(format!("SELECT {now} FROM incarnation WHERE id = $1 AND NOT is_dead{lock}")).bind(id)
        }
    };
    FactQuery {
        statements: vec![statement],
        apply_row: |facts, row| {
            facts.now = Some(row.int(0)?);
            Ok(())
        },
    }
}

/// Buckets, kept from being deleted and from changing their state.
pub(in crate::metadata) fn buckets(dialect: Dialect, ids: BTreeSet<BucketId>) -> FactQuery {
    let tail = format!(") ORDER BY id{}", dialect.for_share());
    let rows = ids.into_iter().map(|id| [Value::Int(id.0)]).collect();
    let head = "SELECT id, account_id, has_quota, versioning, is_locked, lock_mode, lock_days, lock_years FROM bucket \
                WHERE id IN (VALUES ";
    FactQuery {
        statements: Statement::pieces(dialect, head, rows, &tail),
        apply_row: |facts, row| {
            let fact = BucketFact {
                owner: UserId(row.int(1)?),
                has_quota: row.flag(2)?,
                versioning: lock_columns::versioning(row, 3)?,
                lock: lock_columns::object_lock(row, 4)?,
            };
            facts.buckets.insert(BucketId(row.int(0)?), fact);
            Ok(())
        },
    }
}

/// Uploads: shared by those who write parts, alone for who ends them.
pub(in crate::metadata) fn uploads(dialect: Dialect, ids: BTreeSet<UploadId>, alone: bool) -> FactQuery {
    let tail = format!(") ORDER BY id{}", if alone { dialect.for_update() } else { dialect.for_share() });
    let rows = ids.into_iter().map(|id| [Value::from(id.0)]).collect();
    let head = "SELECT id, bucket_id, key, begun_over FROM upload WHERE id IN (VALUES ";
    FactQuery {
        statements: Statement::pieces(dialect, head, rows, &tail),
        apply_row: |facts, row| {
            let begun_over = match row.bytes_if_any(3)? {
                None => BegunOver::Unknown,
                Some([]) => BegunOver::Current(None),
                Some(_) => BegunOver::Current(Some(VersionId(row.array(3)?))),
            };
            let fact = UploadFact { bucket: BucketId(row.int(1)?), key: columns::key(row.bytes(2)?)?, begun_over };
            facts.uploads.insert(UploadId(row.array(0)?), fact);
            Ok(())
        },
    }
}

/// Numbers for that many new versions. Asked after the keys were locked, so that of two versions of a key the later one has
/// the higher number. Some may stay unused.
pub(in crate::metadata) fn numbers(dialect: Dialect, wanted: usize) -> FactQuery {
    FactQuery {
        statements: if wanted > 0 { vec![Statement::new(dialect.take_numbers(wanted))] } else { Vec::new() },
        apply_row: |facts, row| {
            facts.numbers.extend(row.int(0)?..=row.int(1)?);
            Ok(())
        },
    }
}

/// Single parts, which are about to be replaced.
pub(in crate::metadata) fn parts(dialect: Dialect, locations: &BTreeSet<(UploadId, PartNumber)>) -> FactQuery {
    let tail = format!(") ORDER BY upload_id, number{}", dialect.for_update());
    let head = "SELECT upload_id, number, part_id, size, etag, encoded_bytes, salt FROM part \
                WHERE (upload_id, number) IN (VALUES ";
    let rows = locations.iter().map(|(id, number)| [id.0.into(), u32::from(number.get()).into()]).collect();
    FactQuery { statements: Statement::pieces(dialect, head, rows, &tail), apply_row: apply_part_row }
}

/// All parts of uploads.
pub(in crate::metadata) fn parts_of(dialect: Dialect, ids: BTreeSet<UploadId>) -> FactQuery {
    let tail = format!(") ORDER BY upload_id, number{}", dialect.for_update());
    let head =
        "SELECT upload_id, number, part_id, size, etag, encoded_bytes, salt FROM part WHERE upload_id IN (VALUES ";
    let rows = ids.into_iter().map(|id| [Value::from(id.0)]).collect();
    FactQuery { statements: Statement::pieces(dialect, head, rows, &tail), apply_row: apply_part_row }
}

fn apply_part_row(facts: &mut Facts, row: &Row) -> Result<()> {
    let number = PartNumber::new(row.int(1)?).map_err(|error| MetadataError::Damaged(error.to_string()))?;
    let fact = PartFact {
        id: ExtentOwner(row.array(2)?),
        size: row.number(3)?,
        etag: etag(row.bytes(4)?)?,
        encoded_bytes: row.number(5)?,
        salt: salt(row.bytes_if_any(6)?)?,
    };
    facts.parts.insert((UploadId(row.array(0)?), number), fact);
    Ok(())
}

/// Versions to copy from whose bytes still lie in (some of) the blobs a copy names. What protects the bytes is that the
/// blobs are locked and alive; this only keeps a copy of something deleted from succeeding.
pub(in crate::metadata) fn sources(dialect: Dialect, ids: &BTreeSet<VersionId>, blobs: BTreeSet<BlobId>) -> FactQuery {
    let rows = ids.iter().map(|id| [Value::from(id.0)]).collect();
    let head = "SELECT owner FROM extent WHERE ordinal = 0 AND owner IN (VALUES ";
    let mut statements = Statement::pieces(dialect, head, rows, ")");
    if !ids.is_empty() {
        // A version is found by its blob: there is no index of version ids.
        let rows = blobs.into_iter().map(|id| [Value::from(id.0)]).collect();
        let head = "SELECT version_id FROM version WHERE blob_id IN (VALUES ";
        statements.extend(Statement::pieces(dialect, head, rows, ")"));
    }
    FactQuery {
        statements,
        apply_row: |facts, row| {
            facts.sources.insert(VersionId(row.array(0)?));
            Ok(())
        },
    }
}

/// The versions that have their one extent in these blobs, as owners of it, and what was metered for them.
pub(in crate::metadata) fn inline(dialect: Dialect, blobs: BTreeSet<BlobId>) -> FactQuery {
    let tail = format!(") ORDER BY bucket_id, key, seq{}", dialect.for_update());
    let head = "SELECT version_id, bucket_id, key, seq, encoded_bytes, size, blob_id, blob_offset FROM version \
                WHERE blob_id IN (VALUES ";
    let rows = blobs.into_iter().map(|id| [Value::from(id.0)]).collect();
    FactQuery {
        statements: Statement::pieces(dialect, head, rows, &tail),
        apply_row: |facts, row| {
            let owner = ExtentOwner(row.array(0)?);
            if let Some(extent) = columns::inline_extent(row, 6, row.number(5)?)? {
                facts.extents.insert(owner, vec![extent]);
                facts.inline.insert(owner);
            }
            apply_metered_version_row(facts, row)
        },
    }
}

/// What was metered for the versions among owners whose extents lie apart.
pub(in crate::metadata) fn metered_versions(dialect: Dialect, owners: &BTreeSet<ExtentOwner>) -> FactQuery {
    let tail = format!(") ORDER BY bucket_id, key, seq{}", dialect.for_update());
    let head = "SELECT version_id, bucket_id, key, seq, encoded_bytes FROM version \
                WHERE extent_count > 1 AND version_id IN (VALUES ";
    let rows = owners.iter().map(|owner| [Value::from(owner.0)]).collect();
    FactQuery { statements: Statement::pieces(dialect, head, rows, &tail), apply_row: apply_metered_version_row }
}

fn apply_metered_version_row(facts: &mut Facts, row: &Row) -> Result<()> {
    let fact = MeteredFact {
        bucket: BucketId(row.int(1)?),
        row: MeteredRow::Version(columns::key(row.bytes(2)?)?, row.int(3)?),
        encoded_bytes: row.number(4)?,
    };
    facts.metered.insert(ExtentOwner(row.array(0)?), fact);
    Ok(())
}

/// Keeps the uploads of the parts among owners: what was metered for their parts is taken back in one sum when they end.
pub(in crate::metadata) fn uploads_of_parts(dialect: Dialect, owners: &BTreeSet<ExtentOwner>) -> FactQuery {
    let tail = format!(")) ORDER BY id{}", dialect.for_share());
    let head = "SELECT id FROM upload WHERE id IN (SELECT p.upload_id FROM part p WHERE p.part_id IN (VALUES ";
    let rows = owners.iter().map(|owner| [Value::from(owner.0)]).collect();
    FactQuery { statements: Statement::pieces(dialect, head, rows, &tail), apply_row: |_, _| Ok(()) }
}

/// What was metered for the parts among owners. Their uploads are locked before, see [`uploads_of_parts`].
pub(in crate::metadata) fn metered_parts(dialect: Dialect, owners: &BTreeSet<ExtentOwner>) -> FactQuery {
    let lock = if dialect == Dialect::Postgres { " FOR UPDATE OF p" } else { "" };
    let tail = format!(") ORDER BY p.upload_id, p.number{lock}");
    let head = "SELECT p.part_id, u.bucket_id, p.upload_id, p.number, p.encoded_bytes FROM part p \
                JOIN upload u ON u.id = p.upload_id WHERE p.part_id IN (VALUES ";
    let rows = owners.iter().map(|owner| [Value::from(owner.0)]).collect();
    FactQuery {
        statements: Statement::pieces(dialect, head, rows, &tail),
        apply_row: |facts, row| {
            let number = PartNumber::new(row.int(3)?).map_err(|error| MetadataError::Damaged(error.to_string()))?;
            let fact = MeteredFact {
                bucket: BucketId(row.int(1)?),
                row: MeteredRow::Part(UploadId(row.array(2)?), number),
                encoded_bytes: row.number(4)?,
            };
            facts.metered.insert(ExtentOwner(row.array(0)?), fact);
            Ok(())
        },
    }
}

/// The extents of parts and of versions that have several, in order.
pub(in crate::metadata) fn extents(dialect: Dialect, owners: BTreeSet<ExtentOwner>) -> FactQuery {
    let tail = format!(") ORDER BY owner, ordinal{}", dialect.for_update());
    let head = "SELECT owner, ordinal, blob_id, blob_offset, length FROM extent WHERE owner IN (VALUES ";
    let rows = owners.into_iter().map(|owner| [Value::from(owner.0)]).collect();
    FactQuery {
        statements: Statement::pieces(dialect, head, rows, &tail),
        apply_row: |facts, row| {
            let list = facts.extents.entry(ExtentOwner(row.array(0)?)).or_default();
            if row.number::<usize>(1)? != list.len() {
                return Err(MetadataError::Damaged("extents are not numbered from 0".to_owned()));
            }
            list.push(columns::extent(row, 2)?);
            Ok(())
        },
    }
}

/// Single extents, which may move.
pub(in crate::metadata) fn single_extents(dialect: Dialect, places: &BTreeSet<(ExtentOwner, u32)>) -> FactQuery {
    let tail = format!(") ORDER BY owner, ordinal{}", dialect.for_update());
    let head = "SELECT owner, ordinal, blob_id, blob_offset, length FROM extent WHERE (owner, ordinal) IN (VALUES ";
    let rows = places.iter().map(|(owner, ordinal)| [owner.0.into(), (*ordinal).into()]).collect();
    FactQuery {
        statements: Statement::pieces(dialect, head, rows, &tail),
        apply_row: |facts, row| {
            let place = (ExtentOwner(row.array(0)?), row.number(1)?);
            facts.single_extents.insert(place, columns::extent(row, 2)?);
            Ok(())
        },
    }
}

/// Blobs whose live bytes may change.
pub(in crate::metadata) fn blobs(dialect: Dialect, ids: BTreeSet<BlobId>) -> FactQuery {
    let tail = format!(") ORDER BY id{}", dialect.for_update());
    let head = "SELECT id, live_bytes, scheme, chunk_bytes, chunks_per_block, content_len, catalog_len FROM blob \
                WHERE id IN (VALUES ";
    let rows = ids.into_iter().map(|id| [Value::from(id.0)]).collect();
    FactQuery {
        statements: Statement::pieces(dialect, head, rows, &tail),
        apply_row: |facts, row| {
            let layout = columns::layout(row, 2)?;
            let fact = BlobFact {
                live_bytes: row.number(1)?,
                content_len: layout.content_len,
                encoded_len: layout.encoded_len(),
            };
            facts.blobs.insert(BlobId(row.array(0)?), fact);
            Ok(())
        },
    }
}

/// The quotas over those of the buckets that have any, so that their sums cannot change before this transaction ends. Asked
/// last: whoever waits here holds everything else already.
pub(in crate::metadata) fn quotas(dialect: Dialect, facts: &Facts) -> FactQuery {
    let mut scopes = BTreeSet::new();
    for (id, fact) in facts.buckets.iter().filter(|(_, fact)| fact.has_quota) {
        scopes.extend([QuotaScope::Bucket(*id), QuotaScope::User(fact.owner)]);
    }
    let rows = scopes.into_iter().map(QuotaScope::values).collect();
    let tail = format!(") ORDER BY scope, id{}", dialect.for_update());
    let head = format!("SELECT {} FROM quota WHERE (scope, id) IN (VALUES ", quota_row::COLUMNS);
    FactQuery {
        statements: Statement::pieces(dialect, &head, rows, &tail),
        apply_row: |facts, row| {
            let (scope, fact) = quota_row::read(row)?;
            facts.quotas.insert(scope, fact);
            Ok(())
        },
    }
}
