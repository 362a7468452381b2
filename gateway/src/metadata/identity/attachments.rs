//! Managed policies attached to users, groups and roles.

use crate::domain::{BuiltInPolicy, IdentityId, IdentityKind};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;
use crate::metadata::identity::hold;

/// The outcome of attaching a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachPolicy {
    /// It counts.
    Attached,
    /// The identity does not exist.
    NoSuchIdentity,
    /// There is no policy of this ARN.
    NoSuchPolicy,
    /// The identity has the most policies allowed.
    TooMany,
}

/// The most managed policies an identity may have.
const ATTACHMENTS_MAX: u32 = 20;

impl MetadataStore {
    /// Attaches a managed policy; idempotent. The caller has checked that the policy is of the identity's account, or
    /// comes with the program.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn attach_policy(&self, identity: IdentityId, arn: &str) -> Result<AttachPolicy> {
        self.change_identity(Attach { identity, arn: arn.to_owned() }).await
    }

    /// Detaches a managed policy and answers whether it was attached.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn detach_policy(&self, identity: IdentityId, arn: &str) -> Result<bool> {
        self.change_identity(Detach { identity, arn: arn.to_owned() }).await
    }

    /// The ARNs of the policies attached to an identity, after one.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn attached_policies(&self, identity: IdentityId, after: &str, most: usize) -> Result<Vec<String>> {
        let text =
            "SELECT policy_arn FROM attachment WHERE holder_id = $1 AND policy_arn > $2 ORDER BY policy_arn LIMIT $3";
        let statement = Statement::new(text).bind(identity.0).bind(after).bind(limit(most));
        self.database().rows(statement).await?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
    }

    /// Who in an account has this policy attached: kind, name and unique id, in this order.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn policy_entities(
        &self,
        account: crate::domain::UserId,
        arn: &str,
    ) -> Result<Vec<(IdentityKind, String, String)>> {
        let text = "SELECT h.kind, h.name, h.unique_id FROM attachment t JOIN holder h ON h.id = t.holder_id \
                    WHERE t.policy_arn = $1 AND h.account_id = $2 ORDER BY h.kind, h.folded_name";
        let rows = self.database().rows(Statement::new(text).bind(arn).bind(account.0)).await?;
        let mut identities = Vec::with_capacity(rows.len());
        for row in &rows {
            if let Some(kind) = IdentityKind::of_word(row.text(0)?) {
                identities.push((kind, row.text(1)?.to_owned(), row.text(2)?.to_owned()));
            }
        }
        Ok(identities)
    }
}

struct Attach {
    identity: IdentityId,
    arn: String,
}

impl Work for Attach {
    type Done = AttachPolicy;

    async fn run(&self, tx: &mut Session) -> Result<AttachPolicy> {
        if !hold(tx, self.identity).await? {
            return Ok(AttachPolicy::NoSuchIdentity);
        }
        if BuiltInPolicy::of_arn(&self.arn).is_none() {
            let text = format!("SELECT id FROM managed_policy WHERE arn = $1{}", tx.dialect().for_share());
            if tx.row(Statement::new(text).bind(&*self.arn)).await?.is_none() {
                return Ok(AttachPolicy::NoSuchPolicy);
            }
        }
        let text = "SELECT COUNT(*) FROM attachment WHERE holder_id = $1 AND policy_arn <> $2";
        let row = tx.row(Statement::new(text).bind(self.identity.0).bind(&*self.arn)).await?;
        let others: u32 = row.map_or(Ok(0), |row| row.number(0))?;
        if others >= ATTACHMENTS_MAX {
            return Ok(AttachPolicy::TooMany);
        }
        let text = "INSERT INTO attachment (holder_id, policy_arn) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        tx.execute(Statement::new(text).bind(self.identity.0).bind(&*self.arn)).await?;
        Ok(AttachPolicy::Attached)
    }
}

struct Detach {
    identity: IdentityId,
    arn: String,
}

impl Work for Detach {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = "DELETE FROM attachment WHERE holder_id = $1 AND policy_arn = $2";
        Ok(tx.execute(Statement::new(text).bind(self.identity.0).bind(&*self.arn)).await? > 0)
    }
}
