//! Entity tags.

use std::fmt;
use std::str::FromStr;

use md5::{Digest as _, Md5};

use crate::domain::object::part_number::PartNumber;

/// What S3 calls the ETag: the MD5 of the content, or for a multipart object the MD5 of its parts' MD5s and
/// their number. Shown without quotes; headers and XML add them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ETag {
    /// MD5 of the content, or of the parts' MD5s.
    pub md5: [u8; 16],
    /// Number of parts of an object that was uploaded in parts.
    pub parts: Option<u16>,
}

/// Text that is not an ETag of ours.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
#[error("not an entity tag")]
pub struct ETagError;

impl ETag {
    /// The tag of an object that came in one piece.
    #[must_use]
    pub fn of_content(md5: [u8; 16]) -> Self {
        Self { md5, parts: None }
    }

    /// The tag of an object to which content was appended: MD5 of its MD5 and that of the content, and one part more; none when
    /// there would be more parts than an object may have.
    #[must_use]
    pub fn appended(self, md5: [u8; 16]) -> Option<Self> {
        let parts = self.parts.unwrap_or(1).checked_add(1).filter(|parts| *parts <= PartNumber::MAX)?;
        let mut both = Md5::new();
        both.update(self.md5);
        both.update(md5);
        Some(Self { md5: both.finalize().into(), parts: Some(parts) })
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0_u8; 32];
        hex::encode_to_slice(self.md5, &mut text).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)?;
        self.parts.map_or(Ok(()), |parts| write!(f, "-{parts}"))
    }
}

impl FromStr for ETag {
    type Err = ETagError;

    /// Accepts the tag with or without its quotes, or one of them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.strip_prefix('"').unwrap_or(text);
        let bare = bare.strip_suffix('"').unwrap_or(bare);
        let (digest, parts) = match bare.split_once('-') {
            Some((digest, parts)) => (digest, Some(parts.parse().map_err(|_| ETagError)?)),
            None => (bare, None),
        };
        let mut md5 = [0; 16];
        hex::decode_to_slice(digest, &mut md5).map_err(|_| ETagError)?;
        Ok(Self { md5, parts })
    }
}
