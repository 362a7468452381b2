//! Quotas: the most bytes and objects of a bucket, or of all buckets of a user, with running sums that every commit into such a
//! bucket adds to. A bucket that is under no quota has no sums and pays for none.

use crate::domain::{BucketId, BucketName};
use crate::metadata::MetadataStore;
use crate::metadata::buckets::quota_count::{self, MissingUsage};
use crate::metadata::buckets::quota_row::{COLUMNS, Quota, QuotaLimits, QuotaScope};
use crate::metadata::engine::columns;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

impl MetadataStore {
    /// Sets a quota, or removes it when nothing is limited. Answers whether the bucket or user is there.
    ///
    /// Commits go on while usage is counted, however long that takes: first they begin to add to the sums, then what was there
    /// before is counted, in one snapshot together with the sums of that moment, and then the difference is added. Until then no
    /// new limit is in force.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn set_quota(&self, scope: QuotaScope, limits: QuotaLimits) -> Result<bool> {
        let is_limited = limits != QuotaLimits::default();
        let Some(count) = self.database().transact(Prepare { scope, is_limited, abandoned: None }).await? else {
            return Ok(false);
        };
        if is_limited {
            let missing = quota_count::missing(self.database(), scope).await?;
            self.database().transact(Limit { scope, limits, count, missing }).await?;
        }
        Ok(true)
    }

    /// A quota and what is there; none when nothing is limited.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn quota(&self, scope: QuotaScope) -> Result<Option<Quota>> {
        let text = format!(
            "SELECT {COLUMNS} FROM quota WHERE scope = $1 AND id = $2 AND (bytes_max IS NOT NULL OR objects_max IS NOT NULL)"
        );
        let [kind, id] = scope.values();
        let Some(row) = self.database().row(Statement::new(text).bind(kind).bind(id)).await? else { return Ok(None) };
        let limits = QuotaLimits { bytes: row.number_if_any(2)?, objects: row.number_if_any(3)? };
        Ok(Some(Quota { limits, bytes: row.number(4)?, objects: row.number(5)?, extras: counted(row.int(6)?) }))
    }

    /// A bucket's number by its name, for an operator.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn bucket_number(&self, name: &BucketName) -> Result<Option<BucketId>> {
        let statement = Statement::new("SELECT id, name FROM bucket WHERE name = $1").bind(name.as_str());
        let Some(row) = self.database().row(statement).await? else { return Ok(None) };
        columns::bucket_name(row.text(1)?)?;
        Ok(Some(BucketId(row.int(0)?)))
    }
}

/// What a release that does not count them has made less than nothing is nothing.
fn counted(extras: i64) -> u64 {
    u64::try_from(extras).unwrap_or_default()
}

/// Makes commits add to the sums of a quota, or stop.
pub(super) struct Prepare {
    pub(super) scope: QuotaScope,
    pub(super) is_limited: bool,
    /// Only where nothing is limited and the count under way has a number up to this one.
    pub(super) abandoned: Option<i64>,
}

impl Work for Prepare {
    /// The number of this count, if the bucket or user is there.
    type Done = Option<i64>;

    /// Holds the rows of all buckets concerned alone, so that every commit either ended before, or adds to the sums.
    async fn run(&self, tx: &mut Session) -> Result<Option<i64>> {
        let (which, id) = match self.scope {
            QuotaScope::Bucket(id) => ("b.id = $1", id.0),
            QuotaScope::User(id) => ("b.account_id = $1", id.0),
        };
        // A user's row is kept, so that buckets the user makes meanwhile wait and then know of the quota.
        if tx.row(scope_row(self.scope, tx.dialect().for_update())).await?.is_none() {
            return Ok(None);
        }
        let lock = tx.dialect().for_update();
        let text = format!("SELECT b.id FROM bucket b WHERE {which} ORDER BY b.id{lock}");
        tx.rows(Statement::new(text).bind(id)).await?;
        if let Some(dead) = self.abandoned {
            let text = "SELECT id FROM quota WHERE scope = $1 AND id = $2 AND counting BETWEEN 1 AND $3 \
                        AND bytes_max IS NULL AND objects_max IS NULL";
            let [kind, number] = self.scope.values();
            if tx.row(Statement::new(text).bind(kind).bind(number).bind(dead)).await?.is_none() {
                return Ok(None);
            }
        }
        // One that is there stays in force until its usage is counted again.
        let drawn = tx.row(Statement::new(tx.dialect().take_numbers(1))).await?;
        let count = drawn.ok_or_else(|| MetadataError::Damaged("no number for a count".to_owned()))?.int(0)?;
        let [kind, number] = self.scope.values();
        let statement = if self.is_limited {
            let text = "INSERT INTO quota (scope, id, bytes, objects, counting) VALUES ($1, $2, 0, 0, $3) \
                        ON CONFLICT (scope, id) DO UPDATE SET counting = EXCLUDED.counting";
            Statement::new(text).bind(kind).bind(number).bind(count)
        } else {
            Statement::new("DELETE FROM quota WHERE scope = $1 AND id = $2").bind(kind).bind(number)
        };
        tx.execute(statement).await?;
        let text = format!(
            "UPDATE bucket SET has_quota = EXISTS (SELECT 1 FROM quota q WHERE (q.scope = 'bucket' AND q.id = bucket.id) \
             OR (q.scope = 'user' AND q.id = bucket.account_id)) WHERE id IN (SELECT b.id FROM bucket b WHERE {which})"
        );
        tx.execute(Statement::new(text).bind(id)).await?;
        Ok(Some(count))
    }
}

/// Completes the sums of a quota and puts its limits in force.
struct Limit {
    scope: QuotaScope,
    limits: QuotaLimits,
    count: i64,
    missing: MissingUsage,
}

impl Work for Limit {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let most =
            |limit: Option<u64>| limit.map_or(Value::NoInt, |most| i64::try_from(most).unwrap_or(i64::MAX).into());
        let text = "UPDATE quota SET bytes_max = $1, objects_max = $2, bytes = bytes + $3, objects = objects + $4, \
                    extras = extras + $5, counting = NULL WHERE scope = $6 AND id = $7 AND counting = $8";
        let [kind, number] = self.scope.values();
        let statement = Statement::new(text)
            .bind(most(self.limits.bytes))
            .bind(most(self.limits.objects))
            .bind(self.missing.bytes)
            .bind(self.missing.objects)
            .bind(self.missing.extras)
            .bind(kind)
            .bind(number)
            .bind(self.count);
        // Whoever has removed it or set it again meanwhile came last.
        tx.execute(statement).await.map(drop)
    }
}

/// The row of the bucket or user a quota is about.
fn scope_row(scope: QuotaScope, lock: &str) -> Statement {
    let (table, id) = match scope {
        QuotaScope::Bucket(id) => ("bucket", id.0),
        QuotaScope::User(id) => ("account", id.0),
    };
    Statement::new(format!("SELECT id FROM {table} WHERE id = $1{lock}")).bind(id)
}
