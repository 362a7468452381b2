//! The name of a backend.

use std::fmt;
use std::str::FromStr;

/// The configured name of a backend: 1 to 63 of `a-z 0-9 - _`, unique in a cluster and stable for ever, because
/// placements in SQL and the format marker on the backend itself carry it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendId(std::sync::Arc<str>);

/// Why a backend name is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a backend name is 1 to 63 of a-z, 0-9, '-' and '_', not {0:?}")]
pub struct BackendIdError(String);

impl BackendId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BackendId {
    type Err = BackendIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if (1..=63).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(BackendIdError(text.to_owned()))
        }
    }
}

impl fmt::Display for BackendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
