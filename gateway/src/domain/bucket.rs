//! Buckets and their names.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{BucketSettings, Timestamp, UserId};

/// The database's number of a bucket. A bucket that is deleted and made again gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketId(pub i64);

/// A bucket name that obeys Amazon's rules for general purpose buckets: 3 to 63 of `a-z 0-9 . -`, beginning and
/// ending with a letter or digit, without `..`, and not an IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketName(Arc<str>);

/// Why a bucket name is refused (`InvalidBucketName`).
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the specified bucket is not valid")]
pub struct BucketNameError;

impl BucketName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BucketName {
    type Err = BucketNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let ends = bytes.first().is_some_and(alphanumeric) && bytes.last().is_some_and(alphanumeric);
        let inside = bytes.iter().all(|b| alphanumeric(b) || *b == b'.' || *b == b'-');
        let dots = text.contains("..") || text.contains(".-") || text.contains("-.");
        let address = text.parse::<std::net::Ipv4Addr>().is_ok();
        if (3..=63).contains(&bytes.len()) && ends && inside && !dots && !address {
            Ok(Self(text.into()))
        } else {
            Err(BucketNameError)
        }
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A bucket as the database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The row.
    pub id: BucketId,
    /// The name clients use.
    pub name: BucketName,
    /// Who made it, and alone may use it until policies say otherwise.
    pub owner: UserId,
    /// The `LocationConstraint` it was made with; empty for the gateway's own region.
    pub location: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// What is configured on it.
    pub settings: BucketSettings,
}
