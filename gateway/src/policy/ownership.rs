//! The ownership controls of a bucket.

use serde::{Deserialize, Serialize};

use crate::domain::{Ownership, Setting};

/// The ownership controls of a bucket, as a setting. One that was taken back is kept as such: it means `ObjectWriter`, as
/// with Amazon, while a bucket that never had any follows the gateway's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnershipControls {
    /// The rule; `None` after it was taken back.
    pub rule: Option<Ownership>,
}

impl Setting for OwnershipControls {
    const KIND: &'static str = "ownership";
}

impl OwnershipControls {
    /// What they come to.
    #[must_use]
    pub fn effective(self) -> Ownership {
        self.rule.unwrap_or(Ownership::ObjectWriter)
    }
}
