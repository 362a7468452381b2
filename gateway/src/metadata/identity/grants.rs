//! Everything that authorization needs to know of who acts.

use std::sync::Arc;

use super::{account_policies, holders};
use crate::domain::{BuiltInPolicy, HolderId, HolderKind, Member, User};
use crate::metadata::session::Session;
use crate::metadata::statement::Statement;
use crate::metadata::{MetadataStore, Result, users};

/// An access key as the database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyGrant {
    /// The account.
    pub user: User,
    /// The secret half, sealed by the cluster key.
    pub sealed_secret: Vec<u8>,
    /// Whether it opens anything.
    pub active: bool,
    /// Whose it is; none when it is the account's own.
    pub member: Option<Member>,
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
        let member = match row.int(7)? {
            0 => None,
            // The user may be gone by now: then so is the key.
            holder => match member(&mut session, "h.id = $1", Statement::new("").bind(holder)).await? {
                Some(member) => Some(member),
                None => return Ok(None),
            },
        };
        let account_policies = account_policies::texts(&mut session, user.id).await?;
        Ok(Some(KeyGrant { user, sealed_secret, active, member, account_policies }))
    }

    /// A role by its unique id, with its account, every policy that applies, and what the root user put on the account.
    /// Not cached here.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn role_grant(&self, unique_id: &str) -> Result<Option<(User, Member, Vec<Arc<str>>)>> {
        let mut session = self.database().reader().await?;
        let given = Statement::new("").bind(unique_id);
        let Some(member) = member(&mut session, "h.unique_id = $1 AND h.kind = 'role'", given).await? else {
            return Ok(None);
        };
        let account_policies = account_policies::texts(&mut session, member.holder.account).await?;
        drop(session);
        let user = self.user(member.holder.account).await?;
        Ok(user.map(|user| (user, member, account_policies)))
    }
}

/// A holder found by a condition, with its policies.
async fn member(session: &mut Session, condition: &str, given: Statement) -> Result<Option<Member>> {
    let text = format!("SELECT {} FROM holder h WHERE {condition}", holders::COLUMNS);
    let Some(row) = session.row(given.with_text(text)).await? else { return Ok(None) };
    let holder = holders::holder(&row)?;
    let mut policies = Vec::new();
    if holder.kind != HolderKind::Group {
        policies = texts(session, holder.id).await?;
    }
    Ok(Some(Member { holder, policies }))
}

async fn texts(session: &mut Session, holder: HolderId) -> Result<Vec<Arc<str>>> {
    let whose = "(t.holder_id = $1 OR t.holder_id IN (SELECT group_id FROM membership WHERE user_id = $2))";
    let text = format!(
        "SELECT t.document FROM inline_policy t WHERE {whose} UNION ALL \
         SELECT v.document FROM attachment t JOIN managed_policy p ON p.arn = t.policy_arn \
         JOIN managed_policy_version v ON v.policy_id = p.id AND v.number = p.default_version WHERE {}",
        whose.replace("$1", "$3").replace("$2", "$4")
    );
    let statement = Statement::new(text).bind(holder.0).bind(holder.0).bind(holder.0).bind(holder.0);
    let mut texts = Vec::new();
    for row in session.rows(statement).await? {
        texts.push(Arc::from(row.text(0)?));
    }
    let text = format!("SELECT DISTINCT t.policy_arn FROM attachment t WHERE {whose}");
    for row in session.rows(Statement::new(text).bind(holder.0).bind(holder.0)).await? {
        texts.extend(BuiltInPolicy::of_arn(row.text(0)?).map(|policy| Arc::from(policy.document)));
    }
    Ok(texts)
}
