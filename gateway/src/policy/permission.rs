//! Permissions, named as policies name them.

/// What a request needs to be allowed: the name a policy's `Action` would use, such as `s3:GetObject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Permission(pub &'static str);

impl Permission {
    /// Whether every known user has it, because it concerns no existing bucket.
    #[must_use]
    pub fn needs_no_bucket(self) -> bool {
        matches!(self.0, "s3:ListAllMyBuckets" | "s3:CreateBucket")
    }
}
