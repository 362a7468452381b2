//! Buckets and their names.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::domain::bucket::setting::BucketSettings;
use crate::domain::identity::user::UserId;
use crate::domain::object::lock::DefaultRetention;
use crate::domain::timestamp::Timestamp;

/// The database's number of a bucket. A bucket that is deleted and created again gets a new one.
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

/// The resource name (ARN) of a bucket.
#[must_use]
pub fn bucket_arn(name: &str) -> String {
    format!("arn:aws:s3:::{name}")
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

/// Whether a bucket keeps what is replaced and deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Versioning {
    /// It never did: every version is the null version, and there are no delete markers.
    #[default]
    Never,
    /// Each write makes a version with an id of its own, each delete a marker.
    Enabled,
    /// Each write and each delete replaces the null version; older versions stay.
    Suspended,
}

impl Versioning {
    /// The word in `VersioningConfiguration`; none when it was never configured.
    #[must_use]
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Never => None,
            Self::Enabled => Some("Enabled"),
            Self::Suspended => Some("Suspended"),
        }
    }
}

/// What a bucket with object lock does with new versions. Once on, it stays on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ObjectLock {
    /// What versions get that bring no retention of their own.
    pub default: Option<DefaultRetention>,
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
    /// Whether it keeps versions. Commits ask the database again, under the bucket's lock.
    pub versioning: Versioning,
    /// Object lock, when it is on.
    pub lock: Option<ObjectLock>,
}
