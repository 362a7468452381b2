//! Recounting quotas: a gateway of an earlier release, beside this one during an upgrade, adds less to the sums than this one does.

use crate::domain::{BucketId, UserId};
use crate::metadata::MetadataStore;
use crate::metadata::buckets::quota_count::{self, MissingUsage};
use crate::metadata::buckets::quota_row::QuotaScope;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

impl MetadataStore {
    /// The next quota after one, in the order of their rows. None when there is no other.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn quota_after(&self, after: Option<QuotaScope>) -> Result<Option<QuotaScope>> {
        let text = "SELECT scope, id FROM quota WHERE (scope, id) > ($1, $2) ORDER BY scope, id LIMIT 1";
        let [kind, id] = after.map_or(["".into(), 0_i64.into()], QuotaScope::values);
        let Some(row) = self.database().row(Statement::new(text).bind(kind).bind(id)).await? else { return Ok(None) };
        Ok(Some(match row.text(0)? {
            "bucket" => QuotaScope::Bucket(BucketId(row.int(1)?)),
            _ => QuotaScope::User(UserId(row.int(1)?)),
        }))
    }

    /// Counts what is there under a quota and mends its sums: what they lacked, and do not any more. Commits go on. One that is being
    /// set at this moment is left to that.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn recount_quota(&self, scope: QuotaScope) -> Result<MissingUsage> {
        let Some(count) = self.database().transact(Begin(scope)).await? else { return Ok(MissingUsage::default()) };
        let missing = quota_count::missing(self.database(), scope).await?;
        let mended = self.database().transact(Mend { scope, count, missing }).await?;
        Ok(if mended { missing } else { MissingUsage::default() })
    }
}

/// Begins a recount, unless somebody sets the quota, whose count has a number above 0. That of a recount is below it: one that
/// was broken off is nobody's. 0 is a quota of an earlier release, of which nothing was counted besides objects.
struct Begin(QuotaScope);

impl Work for Begin {
    /// The number of this count.
    type Done = Option<i64>;

    async fn run(&self, tx: &mut Session) -> Result<Option<i64>> {
        let drawn = tx.row(Statement::new(tx.dialect().take_numbers(1))).await?;
        let count = -drawn.ok_or_else(|| MetadataError::Damaged("no number for a count".to_owned()))?.int(0)?;
        let text = "UPDATE quota SET counting = $1 WHERE scope = $2 AND id = $3 AND COALESCE(counting, 0) <= 0 \
                    AND (bytes_max IS NOT NULL OR objects_max IS NOT NULL)";
        let [kind, id] = self.0.values();
        let begun = tx.execute(Statement::new(text).bind(count).bind(kind).bind(id)).await?;
        Ok((begun > 0).then_some(count))
    }
}

/// Completes the sums, unless another count began meanwhile.
struct Mend {
    scope: QuotaScope,
    count: i64,
    missing: MissingUsage,
}

impl Work for Mend {
    /// Whether it was done.
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = "UPDATE quota SET bytes = bytes + $1, objects = objects + $2, extras = extras + $3, counting = NULL \
                    WHERE scope = $4 AND id = $5 AND counting = $6";
        let MissingUsage { bytes, objects, extras } = self.missing;
        let [kind, id] = self.scope.values();
        let statement = Statement::new(text).bind(bytes).bind(objects).bind(extras).bind(kind).bind(id);
        Ok(tx.execute(statement.bind(self.count)).await? > 0)
    }
}
