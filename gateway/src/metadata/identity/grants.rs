//! Loads an access key or role with every policy that applies.

use std::sync::Arc;

use crate::domain::{BuiltInPolicy, IdentityId, IdentityKind, PrincipalPolicies, User};
use crate::metadata::MetadataStore;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;
use crate::metadata::identity::{account_policies, identities, users};

/// An access key as the database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyGrant {
    /// The account.
    pub user: User,
    /// The secret half, sealed by the cluster key.
    pub sealed_secret: Vec<u8>,
    /// Whether it is active.
    pub active: bool,
    /// The user it belongs to; none when it is the account's own.
    pub principal_policies: Option<PrincipalPolicies>,
    /// What the root user put on the account.
    pub account_policies: Vec<Arc<str>>,
}

impl MetadataStore {
    /// Whose access key this is, and every policy that applies. Not cached here.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn key_grant(&self, id: &str) -> Result<Option<KeyGrant>> {
        let account = users::COLUMNS;
        let text = format!(
            "SELECT {account}, k.sealed_secret, k.is_active, 0 FROM access_key k JOIN account a ON a.id = k.account_id \
             WHERE k.id = $1 UNION ALL \
             SELECT {account}, k.sealed_secret, k.is_active, k.holder_id FROM member_key k \
             JOIN holder h ON h.id = k.holder_id JOIN account a ON a.id = h.account_id WHERE k.id = $2"
        );
        let mut session = self.database().reader().await?;
        let Some(row) = session.row(Statement::new(text).bind(id).bind(id)).await? else { return Ok(None) };
        let (user, sealed_secret, active) = (users::user(&row)?, row.bytes(5)?.to_vec(), row.flag(6)?);
        let principal_policies = match row.int(7)? {
            0 => None,
            // The user may be gone by now: then so is the key.
            identity => match principal_policies(&mut session, "h.id = $1", Statement::new("").bind(identity)).await? {
                Some(principal_policies) => Some(principal_policies),
                None => return Ok(None),
            },
        };
        let account_policies = account_policies::texts(&mut session, user.id).await?;
        Ok(Some(KeyGrant { user, sealed_secret, active, principal_policies, account_policies }))
    }

    /// A role by its unique id, with its account, every policy that applies, and what the root user put on the account.
    /// Not cached here.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn role_grant(&self, unique_id: &str) -> Result<Option<(User, PrincipalPolicies, Vec<Arc<str>>)>> {
        let mut session = self.database().reader().await?;
        let given = Statement::new("").bind(unique_id);
        let Some(principal_policies) =
            principal_policies(&mut session, "h.unique_id = $1 AND h.kind = 'role'", given).await?
        else {
            return Ok(None);
        };
        let account_policies = account_policies::texts(&mut session, principal_policies.identity.account).await?;
        drop(session);
        let user = self.user(principal_policies.identity.account).await?;
        Ok(user.map(|user| (user, principal_policies, account_policies)))
    }
}

/// An identity found by a condition, with its policies.
async fn principal_policies(
    session: &mut Session,
    condition: &str,
    given: Statement,
) -> Result<Option<PrincipalPolicies>> {
    let text = format!("SELECT {} FROM holder h WHERE {condition}", identities::COLUMNS);
    let Some(row) = session.row(given.with_text(text)).await? else { return Ok(None) };
    let identity = identities::identity(&row)?;
    let mut policies = Vec::new();
    if identity.kind != IdentityKind::Group {
        policies = texts(session, identity.id).await?;
    }
    Ok(Some(PrincipalPolicies { identity, policies }))
}

async fn texts(session: &mut Session, identity: IdentityId) -> Result<Vec<Arc<str>>> {
    let whose = "(t.holder_id = $1 OR t.holder_id IN (SELECT group_id FROM membership WHERE user_id = $2))";
    let text = format!(
        "SELECT t.document FROM inline_policy t WHERE {whose} UNION ALL \
         SELECT v.document FROM attachment t JOIN managed_policy p ON p.arn = t.policy_arn \
         JOIN managed_policy_version v ON v.policy_id = p.id AND v.number = p.default_version WHERE {}",
        whose.replace("$1", "$3").replace("$2", "$4")
    );
    let statement = Statement::new(text).bind(identity.0).bind(identity.0).bind(identity.0).bind(identity.0);
    let mut texts = Vec::new();
    for row in session.rows(statement).await? {
        texts.push(Arc::from(row.text(0)?));
    }
    let text = format!("SELECT DISTINCT t.policy_arn FROM attachment t WHERE {whose}");
    for row in session.rows(Statement::new(text).bind(identity.0).bind(identity.0)).await? {
        texts.extend(BuiltInPolicy::of_arn(row.text(0)?).map(|policy| Arc::from(policy.document)));
    }
    Ok(texts)
}
