//! The principal: the caller as policies see it.

use std::sync::Arc;

use crate::domain::{CanonicalId, User, UserId};
use crate::policy::document::policy_document::Document;
use crate::policy::document::principal_names::PrincipalNames;
use crate::policy::value::Value;

/// What a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    /// The account itself: its owner's own keys.
    Account,
    /// A user of the account.
    User,
    /// A session of a role.
    AssumedRole,
    /// A federated user session.
    FederatedUser,
}

impl PrincipalKind {
    /// The value of `aws:PrincipalType`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "Account",
            Self::User => "User",
            Self::AssumedRole => "AssumedRole",
            Self::FederatedUser => "FederatedUser",
        }
    }
}

/// A caller who has proven to be somebody, with all that limits what the caller may do.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The account, which owns what the caller makes.
    pub account: UserId,
    /// The account's canonical id, by which ACLs name it.
    pub canonical_id: CanonicalId,
    /// What the caller is.
    pub kind: PrincipalKind,
    /// `arn:aws:iam::000000000001:root`, `...:user/path/name`, or `arn:aws:sts::...:assumed-role/role/session`.
    pub arn: String,
    /// The role's own ARN, for a session of a role.
    pub role_arn: Option<String>,
    /// `aws:username`; users have one, accounts and sessions have none.
    pub user_name: Option<String>,
    /// `aws:userid`: the unique id; for a session `ROLEID:session-name`.
    pub user_id: String,
    /// `aws:PrincipalTag/...`.
    pub tags: Vec<(String, String)>,
    /// What the account allows this caller: inline, attached and groups' policies. Not asked for the account itself.
    pub policies: Vec<Arc<Document>>,
    /// What the root user put on the account: it denies to everybody in the account, and allows to the account itself,
    /// also what is another's.
    pub account_policies: Vec<Arc<Document>>,
    /// The most that `policies` can allow.
    pub boundary: Option<Arc<Document>>,
    /// The most that a session can do; every document must allow.
    pub session_policies: Vec<Arc<Document>>,
    /// The root user of the gateway, which no policy limits.
    pub operator: bool,
}

impl Principal {
    /// The owner of an account, by the account's own keys.
    #[must_use]
    pub fn of_account(user: &User) -> Self {
        let number = account_number(user.id);
        Self {
            account: user.id,
            canonical_id: user.canonical_id.clone(),
            kind: PrincipalKind::Account,
            arn: format!("arn:aws:iam::{number}:root"),
            role_arn: None,
            user_name: None,
            user_id: number,
            tags: Vec::new(),
            policies: Vec::new(),
            account_policies: Vec::new(),
            boundary: None,
            session_policies: Vec::new(),
            operator: user.root,
        }
    }

    /// Every policy that says something about the caller.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        let lists = [&self.policies, &self.account_policies, &self.session_policies];
        lists.into_iter().flatten().chain(&self.boundary).map(Arc::as_ref)
    }

    /// The ARN that `aws:PrincipalArn` shows: a session's is that of its role.
    #[must_use]
    pub fn principal_arn(&self) -> &str {
        self.role_arn.as_deref().unwrap_or(&self.arn)
    }

    /// What statements can name the caller by.
    pub(crate) fn names(&self) -> PrincipalNames<'_> {
        PrincipalNames {
            account: self.account,
            canonical_id: &self.canonical_id,
            is_account: self.kind == PrincipalKind::Account,
            arn: &self.arn,
            user_id: &self.user_id,
            role_arn: self.role_arn.as_deref(),
        }
    }

    /// The value of a condition key that is about the caller; keys as [`key_name`](crate::policy::key_name) writes them.
    pub(crate) fn value(&self, key: &str) -> Option<Value<'_>> {
        match key {
            "aws:username" => self.user_name.as_deref().map(Value::from),
            "aws:userid" => Some(Value::from(self.user_id.as_str())),
            "aws:principalarn" => Some(Value::from(self.principal_arn())),
            "aws:principaltype" => Some(Value::from(self.kind.name())),
            "aws:principalaccount" => Some(Value::from(account_number(self.account))),
            _ => {
                let tag = key.strip_prefix("aws:principaltag/")?;
                self.tags.iter().find(|(name, _)| name == tag).map(|(_, value)| Value::from(value.as_str()))
            }
        }
    }
}

/// The twelve digits of a user's account.
#[must_use]
pub fn account_number(user: UserId) -> String {
    format!("{:012}", user.0)
}
