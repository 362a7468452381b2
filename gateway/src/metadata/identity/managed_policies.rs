//! Managed policies of accounts.

use crate::domain::{IamName, IamPath, ManagedPolicy, ManagedPolicyDetails, Timestamp, UserId};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;
use crate::metadata::identity::{json, of_json, parsed};

const COLUMNS: &str = "p.account_id, p.unique_id, p.arn, p.name, p.path, p.details, p.default_version, p.created_at, \
     p.updated_at, (SELECT COUNT(*) FROM attachment t WHERE t.policy_arn = p.arn)";
/// The most managed policies an account may have.
const POLICIES_MAX: u32 = 1_500;

/// A managed policy to be made, with its first text.
#[derive(Clone, Debug)]
pub struct NewPolicy {
    /// In which account.
    pub account: UserId,
    /// Its random id.
    pub unique_id: String,
    /// Its Amazon resource name.
    pub arn: String,
    /// Its name.
    pub name: IamName,
    /// Its path.
    pub path: IamPath,
    /// What else it carries.
    pub details: ManagedPolicyDetails,
    /// The policy document.
    pub document: String,
}

/// The outcome of creating a managed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreatePolicy {
    /// The new one.
    Created(ManagedPolicy),
    /// The account has one of this name.
    NameTaken,
    /// The account has as many as it may have.
    TooMany,
    /// There is no such account.
    NoSuchAccount,
}

/// The outcome of deleting a managed policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletePolicy {
    /// It is gone.
    Deleted,
    /// There is none of this ARN.
    NoSuchPolicy,
    /// It is attached to an identity.
    Attached,
    /// It has versions besides the default one.
    HasVersions,
}

/// Which managed policies to list.
#[derive(Clone, Debug)]
pub struct PolicyScope {
    /// Of which account.
    pub account: UserId,
    /// How their paths begin.
    pub path_prefix: String,
    /// Only those that are attached.
    pub only_attached: bool,
    /// After which name, in lower case.
    pub after: String,
    /// How many at most.
    pub limit: usize,
}

impl MetadataStore {
    /// Makes a managed policy.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn create_policy(&self, policy: NewPolicy) -> Result<CreatePolicy> {
        self.change_identity(Create(policy)).await
    }

    /// A managed policy of an account by its ARN.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn managed_policy(&self, account: UserId, arn: &str) -> Result<Option<ManagedPolicy>> {
        let text = format!("SELECT {COLUMNS} FROM managed_policy p WHERE p.arn = $1 AND p.account_id = $2");
        let statement = Statement::new(text).bind(arn).bind(account.0);
        self.database().row(statement).await?.as_ref().map(policy).transpose()
    }

    /// Managed policies of an account, by name.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn managed_policies(&self, scope: &PolicyScope) -> Result<Vec<ManagedPolicy>> {
        let attached =
            if scope.only_attached { "AND EXISTS (SELECT 1 FROM attachment t WHERE t.policy_arn = p.arn)" } else { "" };
        let text = format!(
            "SELECT {COLUMNS} FROM managed_policy p WHERE p.account_id = $1 AND p.folded_name > $2 \
             AND substr(p.path, 1, {}) = $3 {attached} ORDER BY p.folded_name LIMIT $4",
            scope.path_prefix.len()
        );
        let statement = Statement::new(text)
            .bind(scope.account.0)
            .bind(&*scope.after)
            .bind(&*scope.path_prefix)
            .bind(limit(scope.limit));
        self.database().rows(statement).await?.iter().map(policy).collect()
    }

    /// How many managed policies an account has.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn count_policies(&self, account: UserId) -> Result<u32> {
        self.database().row(count(account)).await?.map_or(Ok(0), |row| row.number(0))
    }

    /// How many identities of an account have this policy attached.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn count_attachments(&self, account: UserId, arn: &str) -> Result<u32> {
        let text = "SELECT COUNT(*) FROM attachment t JOIN holder h ON h.id = t.holder_id \
                    WHERE t.policy_arn = $1 AND h.account_id = $2";
        let row = self.database().row(Statement::new(text).bind(arn).bind(account.0)).await?;
        row.map_or(Ok(0), |row| row.number(0))
    }

    /// Deletes a managed policy that is not attached and has one version.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn delete_policy(&self, account: UserId, arn: &str) -> Result<DeletePolicy> {
        self.change_identity(Delete { account, arn: arn.to_owned() }).await
    }
}

struct Create(NewPolicy);

impl Work for Create {
    type Done = CreatePolicy;

    async fn run(&self, tx: &mut Session) -> Result<CreatePolicy> {
        let (new, dialect) = (&self.0, tx.dialect());
        let text = format!("SELECT id FROM account WHERE id = $1{}", dialect.for_share());
        if tx.row(Statement::new(text).bind(new.account.0)).await?.is_none() {
            return Ok(CreatePolicy::NoSuchAccount);
        }
        let there: u32 = tx.row(count(new.account)).await?.map_or(Ok(0), |row| row.number(0))?;
        if there >= POLICIES_MAX {
            return Ok(CreatePolicy::TooMany);
        }
        let now = dialect.now();
        let text = format!(
            "INSERT INTO managed_policy (account_id, unique_id, arn, name, folded_name, path, details, \
             default_version, last_version, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 1, {now}, {now}) ON CONFLICT DO NOTHING RETURNING id"
        );
        let statement = Statement::new(text)
            .bind(new.account.0)
            .bind(&*new.unique_id)
            .bind(&*new.arn)
            .bind(new.name.as_str())
            .bind(&*new.name.folded())
            .bind(new.path.as_str())
            .bind(&*json(&new.details)?);
        let Some(row) = tx.row(statement).await? else { return Ok(CreatePolicy::NameTaken) };
        let id = row.int(0)?;
        let text = format!(
            "INSERT INTO managed_policy_version (policy_id, number, document, created_at) VALUES ($1, 1, $2, {now})"
        );
        tx.execute(Statement::new(text).bind(id).bind(&*new.document)).await?;
        let text = format!("SELECT {COLUMNS} FROM managed_policy p WHERE p.id = $1");
        let row = tx.row(Statement::new(text).bind(id)).await?;
        row.map_or(Ok(CreatePolicy::NameTaken), |row| Ok(CreatePolicy::Created(policy(&row)?)))
    }
}

struct Delete {
    account: UserId,
    arn: String,
}

impl Work for Delete {
    type Done = DeletePolicy;

    async fn run(&self, tx: &mut Session) -> Result<DeletePolicy> {
        let text =
            format!("SELECT id FROM managed_policy WHERE arn = $1 AND account_id = $2{}", tx.dialect().for_update());
        let Some(row) = tx.row(Statement::new(text).bind(&*self.arn).bind(self.account.0)).await? else {
            return Ok(DeletePolicy::NoSuchPolicy);
        };
        let id = row.int(0)?;
        let text = "SELECT holder_id FROM attachment WHERE policy_arn = $1 LIMIT 1";
        if tx.row(Statement::new(text).bind(&*self.arn)).await?.is_some() {
            return Ok(DeletePolicy::Attached);
        }
        let text = "SELECT number FROM managed_policy_version WHERE policy_id = $1";
        if tx.rows(Statement::new(text).bind(id)).await?.len() > 1 {
            return Ok(DeletePolicy::HasVersions);
        }
        tx.execute(Statement::new("DELETE FROM managed_policy_version WHERE policy_id = $1").bind(id)).await?;
        tx.execute(Statement::new("DELETE FROM managed_policy WHERE id = $1").bind(id)).await?;
        Ok(DeletePolicy::Deleted)
    }
}

fn count(account: UserId) -> Statement {
    Statement::new("SELECT COUNT(*) FROM managed_policy WHERE account_id = $1").bind(account.0)
}

fn policy(row: &Row) -> Result<ManagedPolicy> {
    Ok(ManagedPolicy {
        account: Some(UserId(row.int(0)?)),
        unique_id: row.text(1)?.to_owned(),
        arn: row.text(2)?.to_owned(),
        name: parsed(row.text(3)?)?,
        path: parsed(row.text(4)?)?,
        details: of_json(row.text(5)?)?,
        default_version: row.number(6)?,
        created_at: Timestamp(row.int(7)?),
        updated_at: Timestamp(row.int(8)?),
        attachments: row.number(9)?,
    })
}
