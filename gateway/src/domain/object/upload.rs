//! Multipart uploads and their parts.

use std::fmt;
use std::str::FromStr;

use codec::ContentSalt;

use crate::domain::bucket::bucket_row::BucketId;
use crate::domain::object::attributes::ObjectAttributes;
use crate::domain::object::checksum::{Checksum, ChecksumAlgorithm, ChecksumKind};
use crate::domain::object::etag::ETag;
use crate::domain::object::extent::Extent;
use crate::domain::object::key::ObjectKey;
use crate::domain::object::lock::VersionLock;
use crate::domain::object::part_number::PartNumber;
use crate::domain::timestamp::Timestamp;

/// 128 random bits that name one upload for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId(pub [u8; 16]);

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 32];
        hex::encode_to_slice(self.0, &mut digits).map_err(|_| fmt::Error)?;
        f.write_str(str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for UploadId {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut id = [0; 16];
        hex::decode_to_slice(text, &mut id).map(|()| Self(id))
    }
}

/// An upload that has begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its name.
    pub id: UploadId,
    /// The bucket it will write to.
    pub bucket: BucketId,
    /// The key it will write.
    pub key: ObjectKey,
    /// What the object will carry.
    pub attributes: ObjectAttributes,
    /// The additional checksum the client asked for, and what it is to cover. Where it asked for none, the object has the default
    /// one, and nothing is said about those of its parts before.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
    /// When it began.
    pub created_at: Timestamp,
    /// The lock its version will have.
    pub lock: VersionLock,
}

impl Upload {
    /// The algorithm of the checksums that its parts have: the one it was created with, or the default.
    #[must_use]
    pub fn part_algorithm(&self) -> ChecksumAlgorithm {
        self.checksum.map_or(ChecksumAlgorithm::DEFAULT, |(algorithm, _)| algorithm)
    }
}

/// A part that was uploaded. Sending the number again replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its number.
    pub number: PartNumber,
    /// Bytes of content.
    pub size: u64,
    /// MD5 of its content.
    pub etag: ETag,
    /// Its own checksum, of its upload's algorithm; gateways of 0.1 kept whatever was sent, and nothing where nothing was.
    pub checksum: Option<Checksum>,
    /// When it was committed.
    pub modified_at: Timestamp,
    /// Where its bytes lie.
    pub extents: Vec<Extent>,
    /// What makes its key stream its own, when the upload's content is enciphered below its digests.
    pub salt: Option<ContentSalt>,
}
