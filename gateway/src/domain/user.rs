//! Users and their access keys.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Timestamp;

/// The database's number of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UserId(pub i64);

/// The 64 hexadecimal digits S3 shows as an owner's ID.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalId(pub String);

impl fmt::Display for CanonicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Somebody who owns buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The row.
    pub id: UserId,
    /// The name an operator gave; shown as the owner's `DisplayName`.
    pub name: String,
    /// The owner's ID clients see.
    pub canonical_id: CanonicalId,
    /// The root user may do everything.
    pub root: bool,
    /// When the user was added.
    pub created_at: Timestamp,
}

/// An access key with its secret, opened. Debug output never shows the secret.
#[derive(Clone)]
pub struct AccessKey {
    /// The public half (`AKIA...`).
    pub id: String,
    /// The secret half, needed in the clear to verify SigV4; wiped when dropped.
    pub secret: Zeroizing<String>,
    /// Whose key it is.
    pub user: User,
}

impl AccessKey {
    /// Whether the account itself acts, which may do everything in it.
    #[must_use]
    pub fn is_account(&self) -> bool {
        true
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).field("user", &self.user.name).finish_non_exhaustive()
    }
}
