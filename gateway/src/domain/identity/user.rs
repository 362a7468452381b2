//! Users: the accounts that own buckets.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::timestamp::Timestamp;

/// The database's number of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UserId(pub i64);

impl UserId {
    /// The twelve digits of the user's account.
    #[must_use]
    pub fn account_number(self) -> String {
        format!("{:012}", self.0)
    }
}

/// The 64 hexadecimal digits S3 shows as an owner's ID.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalId(pub String);

impl fmt::Display for CanonicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An account, which owns buckets.
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
