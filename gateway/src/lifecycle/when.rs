//! When a rule applies.

use serde::{Deserialize, Serialize};

/// When a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// Days after the version was written.
    Days(u32),
    /// A midnight, as microseconds since the epoch.
    Date(i64),
}
