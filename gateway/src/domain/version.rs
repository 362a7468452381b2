//! Versions: what a key holds.

use std::fmt;
use std::str::FromStr;

use super::{Checksum, ETag, Extent, ObjectAttributes, ObjectKey, PartNumber, Timestamp};

/// 128 random bits that name one version for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(pub [u8; 16]);

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for VersionId {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut id = [0; 16];
        hex::decode_to_slice(text, &mut id).map(|()| Self(id))
    }
}

/// One version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its name.
    pub id: VersionId,
    /// The key it belongs to.
    pub key: ObjectKey,
    /// Bytes of content.
    pub size: u64,
    /// The entity tag.
    pub etag: ETag,
    /// When it was committed.
    pub modified_at: Timestamp,
    /// What the client said about it.
    pub attributes: ObjectAttributes,
    /// The additional checksum, when there is one.
    pub checksum: Option<Checksum>,
    /// Where its bytes lie, in order. Their lengths add up to `size`.
    pub extents: Vec<Extent>,
}

/// One part of a version that was uploaded in parts, for `partNumber` reads and `GetObjectAttributes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionPart {
    /// The client's number, or the position when numbers have gaps.
    pub number: PartNumber,
    /// Bytes of content.
    pub size: u64,
    /// The part's own checksum.
    pub checksum: Option<Checksum>,
}
