//! Recounting quotas: a gateway of an earlier release, beside this one during an upgrade, adds less to the sums than this one does.

use crate::domain::{BucketId, UserId};
use crate::metadata::MetadataStore;
use crate::metadata::buckets::quota_count::{self, MissingUsage};
use crate::metadata::buckets::quota_row::QuotaScope;
use crate::metadata::buckets::quotas::Prepare;
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

    /// A number for a count. Counts that begin later have higher ones.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn draw_count_number(&self) -> Result<i64> {
        self.database().transact(Draw).await
    }

    /// Counts what is there under a quota and mends its sums: what they lacked, and do not any more. Commits go on. One that is being
    /// set is left to that, unless its count has a number up to `dead`: whoever set it is gone. Then the limits of before, which are
    /// in force, stay, and what never had any goes.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn recount_quota(&self, scope: QuotaScope, dead: i64) -> Result<MissingUsage> {
        let begun = self.database().transact(Begin { scope, dead }).await?;
        let Some(count) = begun else {
            self.forget_unset(scope, dead).await?;
            return Ok(MissingUsage::default());
        };
        let missing = quota_count::missing(self.database(), scope).await?;
        let mended = self.database().transact(Mend { scope, count, missing }).await?;
        Ok(if mended { missing } else { MissingUsage::default() })
    }

    /// Deletes the row of a quota whose first setting was broken off: commits would add to its sums for nothing.
    async fn forget_unset(&self, scope: QuotaScope, dead: i64) -> Result<()> {
        let text = "SELECT id FROM quota WHERE scope = $1 AND id = $2 AND counting BETWEEN 1 AND $3 \
                    AND bytes_max IS NULL AND objects_max IS NULL";
        let [kind, id] = scope.values();
        if self.database().row(Statement::new(text).bind(kind).bind(id).bind(dead)).await?.is_some() {
            // Looked at again with its buckets locked.
            self.database().transact(Prepare { scope, is_limited: false, abandoned: Some(dead) }).await?;
        }
        Ok(())
    }
}

struct Draw;

impl Work for Draw {
    type Done = i64;

    async fn run(&self, tx: &mut Session) -> Result<i64> {
        let drawn = tx.row(Statement::new(tx.dialect().take_numbers(1))).await?;
        drawn.ok_or_else(|| MetadataError::Damaged("no number for a count".to_owned()))?.int(0)
    }
}

/// Begins a recount, unless somebody sets the quota, whose count has a number above `dead`. That of a recount is below 0: one that
/// was broken off is nobody's. 0 is a quota of an earlier release, of which nothing was counted besides objects.
struct Begin {
    scope: QuotaScope,
    dead: i64,
}

impl Work for Begin {
    /// The number of this count.
    type Done = Option<i64>;

    async fn run(&self, tx: &mut Session) -> Result<Option<i64>> {
        let count = -Draw.run(tx).await?;
        let text = "UPDATE quota SET counting = $1 WHERE scope = $2 AND id = $3 AND COALESCE(counting, 0) <= $4 \
                    AND (bytes_max IS NOT NULL OR objects_max IS NOT NULL)";
        let [kind, id] = self.scope.values();
        let begun = tx.execute(Statement::new(text).bind(count).bind(kind).bind(id).bind(self.dead.max(0))).await?;
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
