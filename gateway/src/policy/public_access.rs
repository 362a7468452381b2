//! The block of public access: four switches above policies and access lists.

use serde::{Deserialize, Serialize};

use crate::domain::Setting;

/// The switches of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAccessBlock {
    /// Public access lists are refused when they are set.
    pub block_public_acls: bool,
    /// What access lists grant to the public does not count.
    pub ignore_public_acls: bool,
    /// Public policies are refused when they are set.
    pub block_public_policy: bool,
    /// Under a public policy only the owner's account has access.
    pub restrict_public_buckets: bool,
}

impl Setting for PublicAccessBlock {
    const KIND: &'static str = "public_access_block";
}
