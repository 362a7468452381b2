//! What is committed, and what comes of it.

use std::fmt;
use std::sync::Arc;

use super::super::EventDraft;
use crate::domain::{
    BucketId, ETag, ObjectAttributes, ObjectKey, Part, Retention, StoredBlob, Timestamp, Unmet, UploadId, Version,
    VersionId, VersionName, VersionPart, VersionSelector, WriteCondition,
};

/// Changes that refer to the same new blobs. They are committed in one transaction, but each is decided alone.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Blobs that were sealed and are not in the database yet. One that no accepted change uses is queued for
    /// collection in the same transaction.
    pub blobs: Vec<NewBlob>,
    /// In order: a later change of a key sees the earlier one.
    pub changes: Vec<Change>,
}

/// A sealed blob.
#[derive(Clone, Debug)]
pub struct NewBlob {
    /// The blob and where its slivers are.
    pub blob: StoredBlob,
    /// Fewer slivers than the scheme wants: a repair job is written in the same transaction.
    pub degraded: bool,
    /// It holds many small objects and may be compacted.
    pub quilt: bool,
}

/// One change.
#[derive(Clone, Debug)]
pub enum Change {
    /// Write an object.
    Put(PutChange),
    /// Delete an object, or one version for good.
    Delete(DeleteChange),
    /// Write a part of an upload.
    Part(PartChange),
    /// Change what is said about a version.
    Amend(AmendChange),
    /// Give an object another key.
    Rename(RenameChange),
    /// Append to an object.
    Append(AppendChange),
}

/// A new current version.
#[derive(Clone, Debug)]
pub struct PutChange {
    /// In which bucket.
    pub bucket: BucketId,
    /// The version with its key and extents. Whether it is the null version, and the retention it has when it brings none,
    /// is decided by the state of the bucket.
    pub version: Version,
    /// Its parts, when it was uploaded in parts.
    pub parts: Vec<VersionPart>,
    /// What must hold for the key's current version.
    pub condition: WriteCondition,
    /// The extents are those of this version, which must still exist.
    pub source: Option<VersionId>,
    /// Messages to send when it is made.
    pub events: Vec<EventDraft>,
}

/// Take an object away: in a bucket that was never versioned for good, else by a delete marker. Or take one version away for
/// good.
#[derive(Clone, Debug)]
pub struct DeleteChange {
    /// In which bucket.
    pub bucket: BucketId,
    /// Which key.
    pub key: ObjectKey,
    /// The object, or which of its versions.
    pub selector: VersionSelector,
    /// What must hold for the key's current version, or for the version that is selected.
    pub condition: WriteCondition,
    /// Governance is passed over: the caller asks for it and may.
    pub bypass: bool,
    /// Only if it is this version, and is the current one (`true`) or is not.
    pub only: Option<(VersionId, bool)>,
    /// Messages to send when it is made.
    pub events: Vec<EventDraft>,
    /// The name and date of a delete marker, should one be made.
    pub marker: (VersionId, Timestamp),
}

/// Change what is said about one version; its bytes stay.
#[derive(Clone, Debug)]
pub struct AmendChange {
    /// In which bucket.
    pub bucket: BucketId,
    /// Which key.
    pub key: ObjectKey,
    /// Which of its versions.
    pub selector: VersionSelector,
    /// What changes.
    pub amendment: Amendment,
    /// Only if it is this version.
    pub only: Option<VersionId>,
    /// Messages to send when it is made.
    pub events: Vec<EventDraft>,
}

/// Give an object another key, in a bucket that was never versioned.
#[derive(Clone, Debug)]
pub struct RenameChange {
    /// In which bucket.
    pub bucket: BucketId,
    /// The version as it was read, under its old key: it must still be the current one.
    pub version: Version,
    /// Its parts, when it was uploaded in parts.
    pub parts: Vec<VersionPart>,
    /// The new key.
    pub to: ObjectKey,
    /// What must hold for the new key's current version.
    pub condition: WriteCondition,
    /// Messages about the old key to send when it is made, and about the new one.
    pub events: [Vec<EventDraft>; 2],
}

/// Append to an object, in a bucket that was never versioned.
#[derive(Clone, Debug)]
pub struct AppendChange {
    /// In which bucket.
    pub bucket: BucketId,
    /// The size the object must have: 0 where there is none.
    pub offset: u64,
    /// What is appended, as if it were an object; it is one where there was none, else only its bytes count.
    pub version: Version,
    /// What must hold for the key's current version.
    pub condition: WriteCondition,
    /// Messages to send when it is made.
    pub events: Vec<EventDraft>,
}

/// What changes about a version.
#[derive(Clone, Debug)]
pub enum Amendment {
    /// Its attributes.
    Attributes(AttributeEdit),
    /// Its retention.
    Retention {
        /// The new one, or none.
        retention: Option<Retention>,
        /// Governance is passed over: the caller asks for it and may.
        bypass: bool,
    },
    /// Its legal hold.
    LegalHold(bool),
}

/// A function that is applied to the attributes as they are inside the transaction. It may be called more than once, each
/// time on what the database holds then.
#[derive(Clone)]
pub struct AttributeEdit(pub Arc<dyn Fn(&mut ObjectAttributes) + Send + Sync>);

impl fmt::Debug for AttributeEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttributeEdit")
    }
}

/// A new part, or one that replaces the part of the same number.
#[derive(Clone, Debug)]
pub struct PartChange {
    /// Of which upload.
    pub upload: UploadId,
    /// The part.
    pub part: Part,
    /// The extents are those of this version, which must still exist.
    pub source: Option<VersionId>,
}

/// What came of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The version or part is visible.
    Stored {
        /// What clients call the version; none in a bucket that was never versioned, and for parts.
        name: Option<VersionName>,
    },
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
    Appended {
        /// Its bytes of content now.
        size: u64,
        /// Its tag now.
        etag: ETag,
    },
    /// Nothing changed.
    Refused(Refusal),
}

/// What came of a deletion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// There was an object, or the selected version, before.
    pub existed: bool,
    /// A delete marker was made, or the version that was removed was one.
    pub marker: bool,
    /// The marker that was made, or the version that was selected; none in a bucket that was never versioned.
    pub name: Option<VersionName>,
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
    /// There is no room under the quota of the bucket or of its owner.
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
    pub const STORED: Self = Self::Stored { name: None };

    /// A deletion in a bucket that was never versioned.
    pub const fn deleted(existed: bool) -> Self {
        Self::Deleted(Deleted { existed, marker: false, name: None })
    }
}

#[cfg(test)]
impl AmendChange {
    /// Amends whatever version is selected, and tells nobody.
    pub fn new(bucket: BucketId, key: ObjectKey, selector: VersionSelector, amendment: Amendment) -> Self {
        Self { bucket, key, selector, amendment, only: None, events: Vec::new() }
    }
}

#[cfg(test)]
impl DeleteChange {
    /// Deletes whatever is there, on no condition.
    pub fn current(bucket: BucketId, key: ObjectKey) -> Self {
        let (selector, condition) = (VersionSelector::Current, WriteCondition::None);
        let marker = (VersionId(crate::clock::random(&crate::clock::SystemEntropy)), Timestamp(0));
        Self { bucket, key, selector, condition, bypass: false, only: None, events: Vec::new(), marker }
    }
}
