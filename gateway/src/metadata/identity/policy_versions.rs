//! Versions of managed policies.

use crate::domain::{ManagedPolicyVersion, Timestamp, UserId};
use crate::metadata::MetadataStore;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// The most texts a managed policy may have.
const VERSIONS_MAX: usize = 5;

/// The outcome of adding a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddPolicyVersion {
    /// The new version.
    Added(ManagedPolicyVersion),
    /// There is no policy of this ARN.
    NoSuchPolicy,
    /// The policy has as many as it may have.
    TooMany,
}

/// The outcome of deleting a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletePolicyVersion {
    /// It is gone.
    Deleted,
    /// There is no such policy or version.
    NoSuchVersion,
    /// It is the default version.
    IsDefault,
}

impl MetadataStore {
    /// Adds a text to a managed policy, and makes it the one that counts if that is wanted.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn add_policy_version(
        &self,
        account: UserId,
        arn: &str,
        document: &str,
        default: bool,
    ) -> Result<AddPolicyVersion> {
        let work = Add { account, arn: arn.to_owned(), document: document.to_owned(), default };
        self.change_identity(work).await
    }

    /// The texts of a managed policy, the newest first. Empty when there is no such policy.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn policy_versions(&self, account: UserId, arn: &str) -> Result<Vec<ManagedPolicyVersion>> {
        let text = "SELECT v.number, v.number = p.default_version, v.document, v.created_at FROM managed_policy p \
                    JOIN managed_policy_version v ON v.policy_id = p.id WHERE p.arn = $1 AND p.account_id = $2 \
                    ORDER BY v.number DESC";
        let rows = self.database().rows(Statement::new(text).bind(arn).bind(account.0)).await?;
        rows.iter().map(version).collect()
    }

    /// Makes another text the one that counts and answers whether it is there.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn set_default_policy_version(&self, account: UserId, arn: &str, number: u32) -> Result<bool> {
        self.change_identity(SetDefault { account, arn: arn.to_owned(), number }).await
    }

    /// Deletes a text that does not count.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn delete_policy_version(&self, account: UserId, arn: &str, number: u32) -> Result<DeletePolicyVersion> {
        self.change_identity(Delete { account, arn: arn.to_owned(), number }).await
    }
}

/// The row of a policy, held: its id, the number that counts, the highest number ever given.
async fn held(tx: &mut Session, account: UserId, arn: &str) -> Result<Option<(i64, i64, i64)>> {
    let text = format!(
        "SELECT id, default_version, last_version FROM managed_policy WHERE arn = $1 AND account_id = $2{}",
        tx.dialect().for_update()
    );
    let row = tx.row(Statement::new(text).bind(arn).bind(account.0)).await?;
    row.map(|row| Ok((row.int(0)?, row.int(1)?, row.int(2)?))).transpose()
}

struct Add {
    account: UserId,
    arn: String,
    document: String,
    default: bool,
}

impl Work for Add {
    type Done = AddPolicyVersion;

    async fn run(&self, tx: &mut Session) -> Result<AddPolicyVersion> {
        let Some((id, counting, last)) = held(tx, self.account, &self.arn).await? else {
            return Ok(AddPolicyVersion::NoSuchPolicy);
        };
        let text = "SELECT number FROM managed_policy_version WHERE policy_id = $1";
        if tx.rows(Statement::new(text).bind(id)).await?.len() >= VERSIONS_MAX {
            return Ok(AddPolicyVersion::TooMany);
        }
        let (number, now) = (last + 1, tx.dialect().now());
        let text = format!(
            "INSERT INTO managed_policy_version (policy_id, number, document, created_at) VALUES ($1, $2, $3, {now})"
        );
        tx.execute(Statement::new(text).bind(id).bind(number).bind(&*self.document)).await?;
        let counts = if self.default { number } else { counting };
        let text = format!(
            "UPDATE managed_policy SET last_version = $1, default_version = $2, updated_at = {now} WHERE id = $3"
        );
        tx.execute(Statement::new(text).bind(number).bind(counts).bind(id)).await?;
        let text = "SELECT v.number, v.number = p.default_version, v.document, v.created_at FROM managed_policy p \
                    JOIN managed_policy_version v ON v.policy_id = p.id WHERE p.id = $1 AND v.number = $2";
        let row = tx.row(Statement::new(text).bind(id).bind(number)).await?;
        row.map_or(Ok(AddPolicyVersion::NoSuchPolicy), |row| Ok(AddPolicyVersion::Added(version(&row)?)))
    }
}

struct SetDefault {
    account: UserId,
    arn: String,
    number: u32,
}

impl Work for SetDefault {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let Some((id, ..)) = held(tx, self.account, &self.arn).await? else { return Ok(false) };
        let text = "SELECT number FROM managed_policy_version WHERE policy_id = $1 AND number = $2";
        if tx.row(Statement::new(text).bind(id).bind(self.number)).await?.is_none() {
            return Ok(false);
        }
        let now = tx.dialect().now();
        let text = format!("UPDATE managed_policy SET default_version = $1, updated_at = {now} WHERE id = $2");
        tx.execute(Statement::new(text).bind(self.number).bind(id)).await?;
        Ok(true)
    }
}

struct Delete {
    account: UserId,
    arn: String,
    number: u32,
}

impl Work for Delete {
    type Done = DeletePolicyVersion;

    async fn run(&self, tx: &mut Session) -> Result<DeletePolicyVersion> {
        let Some((id, counting, _)) = held(tx, self.account, &self.arn).await? else {
            return Ok(DeletePolicyVersion::NoSuchVersion);
        };
        if counting == i64::from(self.number) {
            return Ok(DeletePolicyVersion::IsDefault);
        }
        let text = "DELETE FROM managed_policy_version WHERE policy_id = $1 AND number = $2";
        let gone = tx.execute(Statement::new(text).bind(id).bind(self.number)).await? > 0;
        Ok(if gone { DeletePolicyVersion::Deleted } else { DeletePolicyVersion::NoSuchVersion })
    }
}

fn version(row: &Row) -> Result<ManagedPolicyVersion> {
    Ok(ManagedPolicyVersion {
        number: row.number(0)?,
        is_default: row.flag(1)?,
        document: row.text(2)?.to_owned(),
        created_at: Timestamp(row.int(3)?),
    })
}
