//! Quotas: the most bytes and objects of a bucket, or of all buckets of a user, with running sums that every commit into such a
//! bucket adds to. A bucket that is under no quota has no sums and pays for none.

use crate::domain::{BucketId, BucketName};
use crate::metadata::MetadataStore;
use crate::metadata::buckets::quota_row::{COLUMNS, Quota, QuotaLimits, QuotaScope};
use crate::metadata::engine::columns;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

/// The sums, counted from the rows: bytes of versions, bytes of parts, number of objects.
const BYTES_OF_VERSIONS: &str = "SELECT CAST(COALESCE(SUM(v.size), 0) AS BIGINT), \
                                 CAST(COALESCE(SUM(CASE WHEN v.is_marker THEN 0 ELSE 1 END), 0) AS BIGINT) \
                                 FROM version v JOIN bucket b ON b.id = v.bucket_id WHERE ";
const BYTES_OF_PARTS: &str = "SELECT CAST(COALESCE(SUM(p.size), 0) AS BIGINT) FROM part p \
                              JOIN upload u ON u.id = p.upload_id JOIN bucket b ON b.id = u.bucket_id WHERE ";

impl MetadataStore {
    /// Sets a quota, or removes it when nothing is limited. Usage is counted while no commit into the buckets can be
    /// under way. Answers whether the bucket or user is there.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn set_quota(&self, scope: QuotaScope, limits: QuotaLimits) -> Result<bool> {
        self.database().transact(Set { scope, limits }).await
    }

    /// A quota and what is there; none when nothing is limited.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn quota(&self, scope: QuotaScope) -> Result<Option<Quota>> {
        let text = format!("SELECT {COLUMNS} FROM quota WHERE scope = $1 AND id = $2");
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

struct Set {
    scope: QuotaScope,
    limits: QuotaLimits,
}

impl Work for Set {
    type Done = bool;

    /// Holds the rows of all buckets concerned alone, so that no commit is between its rows and the sums.
    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let (which, id) = match self.scope {
            QuotaScope::Bucket(id) => ("b.id = $1", id.0),
            QuotaScope::User(id) => ("b.account_id = $1", id.0),
        };
        if !self.exists(tx).await? {
            return Ok(false);
        }
        let [kind, number] = self.scope.values();
        let lock = tx.dialect().for_update();
        let text = format!("SELECT b.id FROM bucket b WHERE {which} ORDER BY b.id{lock}");
        tx.rows(Statement::new(text).bind(id)).await?;
        let text = "DELETE FROM quota WHERE scope = $1 AND id = $2";
        tx.execute(Statement::new(text).bind(kind.clone()).bind(number.clone())).await?;
        if self.limits != QuotaLimits::default() {
            let counted = tx.row(Statement::new(format!("{BYTES_OF_VERSIONS}{which}")).bind(id)).await?;
            let parts = tx.row(Statement::new(format!("{BYTES_OF_PARTS}{which}")).bind(id)).await?;
            let (Some(counted), Some(parts)) = (counted, parts) else {
                return Err(MetadataError::Damaged("a sum without a row".to_owned()));
            };
            let bytes = counted.int(0)?.saturating_add(parts.int(0)?);
            let most =
                |limit: Option<u64>| limit.map_or(Value::NoInt, |most| i64::try_from(most).unwrap_or(i64::MAX).into());
            let extras = self.count_extras(tx).await?;
            let text = "INSERT INTO quota (scope, id, bytes_max, objects_max, bytes, objects, extras) \
                        VALUES ($1, $2, $3, $4, $5, $6, $7)";
            let statement = Statement::new(text)
                .bind(kind)
                .bind(number)
                .bind(most(self.limits.bytes))
                .bind(most(self.limits.objects))
                .bind(bytes)
                .bind(counted.int(1)?)
                .bind(extras);
            tx.execute(statement).await?;
        }
        let text = format!(
            "UPDATE bucket SET has_quota = EXISTS (SELECT 1 FROM quota q WHERE (q.scope = 'bucket' AND q.id = bucket.id) \
             OR (q.scope = 'user' AND q.id = bucket.account_id)) WHERE id IN (SELECT b.id FROM bucket b WHERE {which})"
        );
        tx.execute(Statement::new(text).bind(id)).await?;
        Ok(true)
    }
}

impl Set {
    /// Delete markers and unfinished uploads, counted from the rows.
    async fn count_extras(&self, tx: &mut Session) -> Result<i64> {
        let (which, id) = match self.scope {
            QuotaScope::Bucket(id) => ("b.id = $1", id.0),
            QuotaScope::User(id) => ("b.account_id = $1", id.0),
        };
        let mut sum = 0_i64;
        for (table, only) in [("version", "r.is_marker AND"), ("upload", "")] {
            let text =
                format!("SELECT COUNT(*) FROM {table} r JOIN bucket b ON b.id = r.bucket_id WHERE {only} {which}");
            let counted = tx.row(Statement::new(text).bind(id)).await?;
            sum = sum.saturating_add(counted.map_or(Ok(0), |row| row.int(0))?);
        }
        Ok(sum)
    }

    /// Whether it is there; a user's row is kept, so that buckets the user makes meanwhile wait and then know of the quota.
    async fn exists(&self, tx: &mut Session) -> Result<bool> {
        let (table, id) = match self.scope {
            QuotaScope::Bucket(id) => ("bucket", id.0),
            QuotaScope::User(id) => ("account", id.0),
        };
        let text = format!("SELECT id FROM {table} WHERE id = $1{}", tx.dialect().for_update());
        Ok(tx.row(Statement::new(text).bind(id)).await?.is_some())
    }
}
