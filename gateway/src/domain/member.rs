//! Who acts with an access key inside an account, and for how long.

use std::sync::Arc;

use super::{Holder, Timestamp};

/// A user or role that acts inside an account, with every policy text that applies to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user or role.
    pub holder: Holder,
    /// Its inline and attached policies and those of its groups.
    pub policies: Vec<Arc<str>>,
}

/// What temporary credentials add to, or take from, those who have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The name under which a role was assumed; none for `GetSessionToken`.
    pub name: Option<String>,
    /// The lasting access key behind it: the session ends when that does.
    pub issuer: String,
    /// A policy that must allow what the member's policies allow.
    pub policy: Option<Arc<str>>,
    /// When it ends.
    pub expires_at: Timestamp,
}
