//! Access keys.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::domain::identity::iam_identity::IdentityKind;
use crate::domain::identity::principal_policies::{PrincipalPolicies, Session};
use crate::domain::identity::user::User;

/// An access key with its decrypted secret and the identity behind it. Debug output never shows the secret.
#[derive(Clone)]
pub struct AccessKey {
    /// The public half (`AKIA...`, `ASIA...` when it is temporary).
    pub id: String,
    /// The secret half, needed in the clear to verify SigV4; wiped when dropped.
    pub secret: Zeroizing<String>,
    /// The account it acts in.
    pub user: User,
    /// The user or role the key belongs to; none for the account itself, which may do everything in it.
    pub principal_policies: Option<Arc<PrincipalPolicies>>,
    /// The session, for temporary credentials.
    pub session: Option<Arc<Session>>,
    /// Policies that the root user put on the account.
    pub account_policies: Vec<Arc<str>>,
}

impl AccessKey {
    /// Who acts, as an Amazon resource name.
    #[must_use]
    pub fn arn(&self) -> String {
        let number = self.user.id.account_number();
        let Some(principal_policies) = &self.principal_policies else { return format!("arn:aws:iam::{number}:root") };
        match (principal_policies.identity.kind, self.session_name()) {
            (IdentityKind::Role, Some(session)) => {
                format!("arn:aws:sts::{number}:assumed-role/{}/{session}", principal_policies.identity.name)
            }
            _ => principal_policies.identity.arn(),
        }
    }

    /// Who acts, as `aws:userid` has it.
    #[must_use]
    pub fn unique_id(&self) -> String {
        let Some(principal_policies) = &self.principal_policies else { return self.user.id.account_number() };
        match self.session_name() {
            Some(session) => format!("{}:{session}", principal_policies.identity.unique_id),
            None => principal_policies.identity.unique_id.clone(),
        }
    }

    /// Whether the account itself acts, unlimited, which may do everything in it.
    #[must_use]
    pub fn is_account(&self) -> bool {
        let unlimited = self.account_policies.is_empty() || self.user.root;
        unlimited
            && self.principal_policies.is_none()
            && self.session.as_ref().is_none_or(|session| session.policy.is_none())
    }

    fn session_name(&self) -> Option<&str> {
        self.session.as_ref()?.name.as_deref()
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).field("who", &self.arn()).finish_non_exhaustive()
    }
}
