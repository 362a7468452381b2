//! Versions: what a key holds.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::domain::object::attributes::ObjectAttributes;
use crate::domain::object::checksum::Checksum;
use crate::domain::object::etag::ETag;
use crate::domain::object::extent::Extent;
use crate::domain::object::key::ObjectKey;
use crate::domain::object::lock::VersionLock;
use crate::domain::object::part_number::PartNumber;
use crate::domain::timestamp::Timestamp;

/// 128 random bits that name one version for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(pub [u8; 16]);

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 32];
        hex::encode_to_slice(self.0, &mut digits).map_err(|_| fmt::Error)?;
        f.write_str(str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for VersionId {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut id = [0; 16];
        hex::decode_to_slice(text, &mut id).map(|()| Self(id))
    }
}

/// What clients call a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VersionName {
    /// `null`: what was written while the bucket was not versioned, or versioning was suspended.
    Null,
    /// An id.
    Id(VersionId),
}

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Id(id) => id.fmt(f),
        }
    }
}

/// Which version of a key a request is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VersionSelector {
    /// The current one.
    #[default]
    Current,
    /// The one named `null`.
    Null,
    /// The one with this id.
    Id(VersionId),
}

impl From<VersionName> for VersionSelector {
    fn from(name: VersionName) -> Self {
        match name {
            VersionName::Null => Self::Null,
            VersionName::Id(id) => Self::Id(id),
        }
    }
}

/// Text that can name no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid version id specified")]
pub struct VersionSelectorError;

impl FromStr for VersionSelector {
    type Err = VersionSelectorError;

    /// Reads a `versionId`: `null` or an id. What is missing altogether means the current version.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "null" {
            return Ok(Self::Null);
        }
        text.parse().map(Self::Id).map_err(|_| VersionSelectorError)
    }
}

impl VersionSelector {
    /// The version it names, when it names one.
    #[must_use]
    pub fn name(self) -> Option<VersionName> {
        match self {
            Self::Current => None,
            Self::Null => Some(VersionName::Null),
            Self::Id(id) => Some(VersionName::Id(id)),
        }
    }
}

/// One version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its name inside; clients know it by [`Version::name`].
    pub id: VersionId,
    /// It is the key's null version. The commit decides, by the state of the bucket; whoever makes one says `true`.
    pub null: bool,
    /// What keeps it from being removed.
    pub lock: VersionLock,
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

impl Version {
    /// What clients call it.
    #[must_use]
    pub fn name(&self) -> VersionName {
        if self.null { VersionName::Null } else { VersionName::Id(self.id) }
    }

    /// Whether it has a lock or an access list: what keeps it, or who else may read it, must not be lost with the database.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.lock != VersionLock::NONE || self.attributes.acl.is_some()
    }
}

/// A delete marker: a version that says there is no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteMarker {
    /// What clients call it.
    pub name: VersionName,
    /// When it was made.
    pub modified_at: Timestamp,
}

/// The result of looking up a version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VersionLookup {
    /// Nothing.
    #[default]
    Nothing,
    /// A delete marker.
    Marker(DeleteMarker),
    /// An object.
    Version(Arc<Version>),
}

impl VersionLookup {
    /// The object; a delete marker is none.
    #[must_use]
    pub fn version(self) -> Option<Arc<Version>> {
        match self {
            Self::Version(version) => Some(version),
            Self::Nothing | Self::Marker(_) => None,
        }
    }
}

/// One part of a version that was uploaded in parts, for `partNumber` reads and `GetObjectAttributes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionPart {
    /// Its position from 1, once it was read. When it is written, what it was uploaded as will do: numbers only order parts.
    pub number: PartNumber,
    /// Bytes of content.
    pub size: u64,
    /// The part's own checksum.
    pub checksum: Option<Checksum>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_selected_by_its_name() {
        let id = VersionId([0xa5; 16]);
        for name in [VersionName::Null, VersionName::Id(id)] {
            let selector: VersionSelector = name.to_string().parse().unwrap();
            assert_eq!(selector.name(), Some(name));
        }
        for text in ["", "NULL", "a5", "zz", &"a".repeat(33)] {
            assert_eq!(text.parse::<VersionSelector>(), Err(VersionSelectorError), "{text}");
        }
    }
}
