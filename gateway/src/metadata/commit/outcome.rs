//! What comes of a change: one type for all in a transaction, and one of its own for each kind of change.

use crate::domain::{ETag, Unmet, VersionName};
use crate::metadata::commit::change::{
    AmendChange, AppendChange, Change, DeleteChange, PartChange, PutChange, RenameChange,
};
use crate::metadata::error::{MetadataError, Result};

/// A change of one kind, and what comes of it.
pub trait CommitChange: Into<Change> {
    /// What comes of it when it is made.
    type Outcome;

    /// The outcome of such a change; none if it is that of another kind.
    fn made(outcome: Outcome) -> Option<Self::Outcome>;
}

/// The result of a change of a known kind: it was made, or refused.
pub type Committed<C> = std::result::Result<<C as CommitChange>::Outcome, Refusal>;

impl CommitChange for PutChange {
    type Outcome = StoredVersion;

    fn made(outcome: Outcome) -> Option<Self::Outcome> {
        if let Outcome::Stored(stored) = outcome { Some(stored) } else { None }
    }
}

impl CommitChange for DeleteChange {
    type Outcome = Deleted;

    fn made(outcome: Outcome) -> Option<Self::Outcome> {
        if let Outcome::Deleted(deleted) = outcome { Some(deleted) } else { None }
    }
}

impl CommitChange for PartChange {
    type Outcome = ();

    fn made(outcome: Outcome) -> Option<Self::Outcome> {
        matches!(outcome, Outcome::Stored(_)).then_some(())
    }
}

impl CommitChange for AmendChange {
    /// What clients call the version; none in a bucket that was never versioned.
    type Outcome = Option<VersionName>;

    fn made(outcome: Outcome) -> Option<Self::Outcome> {
        if let Outcome::Amended { name, .. } = outcome { Some(name) } else { None }
    }
}

impl CommitChange for RenameChange {
    type Outcome = ();

    fn made(outcome: Outcome) -> Option<Self::Outcome> {
        matches!(outcome, Outcome::Renamed).then_some(())
    }
}

impl CommitChange for AppendChange {
    type Outcome = Appended;

    fn made(outcome: Outcome) -> Option<Self::Outcome> {
        if let Outcome::Appended(appended) = outcome { Some(appended) } else { None }
    }
}

impl Outcome {
    /// Whether the change was made.
    #[must_use]
    pub fn is_made(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }

    /// As the outcome of a change of this kind.
    ///
    /// # Errors
    /// When it is that of another kind, which no caller can do anything about.
    pub fn of<C: CommitChange>(self) -> Result<Committed<C>> {
        if let Self::Refused(refusal) = self {
            return Ok(Err(refusal));
        }
        let other = || MetadataError::Damaged("a change had the outcome of another kind of change".to_owned());
        C::made(self).map(Ok).ok_or_else(other)
    }
}

/// The result of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The version or part is visible.
    Stored(StoredVersion),
    /// The object, or the selected version, is not there now.
    Deleted(Deleted),
    /// It is said of the version.
    Amended {
        /// What clients call it; none in a bucket that was never versioned.
        name: Option<VersionName>,
        /// It was not said of it before.
        changed: bool,
        /// Its bytes of content.
        size: u64,
        /// Its tag.
        etag: ETag,
    },
    /// The object has another key.
    Renamed,
    /// The object is longer.
    Appended(Appended),
    /// Nothing changed.
    Refused(Refusal),
}

/// A version, or part, that is visible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoredVersion {
    /// What clients call the version; none in a bucket that was never versioned, and for parts.
    pub name: Option<VersionName>,
    /// It has a lock or an access list: what keeps it, or who may read it, must not be lost with the database.
    pub is_guarded: bool,
}

/// The result of a deletion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// There was an object, or the selected version, before.
    pub existed: bool,
    /// A delete marker was made, or the version that was removed was one.
    pub marker: bool,
    /// The marker that was made, or the version that was selected; none in a bucket that was never versioned.
    pub name: Option<VersionName>,
}

/// What an object is after an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its bytes of content.
    pub size: u64,
    /// Its tag.
    pub etag: ETag,
}

/// Why a change was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The bucket is gone.
    NoSuchBucket,
    /// The condition asks for a current version and there is none.
    NoSuchKey,
    /// The key has no such version.
    NoSuchVersion,
    /// The selected version is a delete marker.
    IsMarker,
    /// The upload was completed or aborted, or never was.
    NoSuchUpload,
    /// The condition does not hold.
    PreconditionFailed,
    /// The condition holds, but what it is about was written or deleted while the upload was under way.
    KeyChanged,
    /// The version to copy from, or a blob it lay in, is gone: read it again.
    SourceGone,
    /// A retention or legal hold forbids it.
    Locked,
    /// It asks for a lock in a bucket without object lock.
    NoObjectLock,
    /// It is nothing for a bucket that is or was versioned.
    Versioned,
    /// The object has another size than the one to append at.
    InvalidWriteOffset,
    /// The object's content is enciphered in one run, to which nothing can be added.
    Enciphered,
    /// The object would have too many parts.
    TooManyParts,
    /// The quota of the bucket or of its owner would be exceeded.
    QuotaExceeded,
}

impl From<Unmet> for Refusal {
    fn from(unmet: Unmet) -> Self {
        match unmet {
            Unmet::NoSuchKey => Self::NoSuchKey,
            Unmet::PreconditionFailed => Self::PreconditionFailed,
        }
    }
}

#[cfg(test)]
impl Outcome {
    /// A write into a bucket that was never versioned.
    pub const STORED: Self = Self::Stored(StoredVersion { name: None, is_guarded: false });

    /// A deletion in a bucket that was never versioned.
    pub const fn deleted(existed: bool) -> Self {
        Self::Deleted(Deleted { existed, marker: false, name: None })
    }
}
