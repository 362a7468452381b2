//! The identity behind an access key: its policies, and the session of temporary credentials.

use std::sync::Arc;

use crate::domain::identity::iam_identity::IamIdentity;
use crate::domain::timestamp::Timestamp;

/// A user or role with every policy document that applies to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalPolicies {
    /// The user or role.
    pub identity: IamIdentity,
    /// Its inline and attached policies and those of its groups.
    pub policies: Vec<Arc<str>>,
}

/// The session of temporary credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The name under which a role was assumed; none for `GetSessionToken`.
    pub name: Option<String>,
    /// The long-term access key that issued it: the session ends with it.
    pub issuer: String,
    /// What distinguishes the secret of that key from others; none in sessions that an earlier release began.
    pub issuer_digest: Option<[u8; 16]>,
    /// The session policy: it must allow the request too.
    pub policy: Option<Arc<str>>,
    /// When it ends.
    pub expires_at: Timestamp,
}
