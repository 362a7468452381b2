//! What is committed, and what comes of it.

use crate::domain::{BucketId, ObjectKey, Part, StoredBlob, UploadId, Version, VersionId, VersionPart, WriteCondition};

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
#[expect(clippy::large_enum_variant, reason = "nearly all changes are the large one")]
pub enum Change {
    /// Write an object.
    Put(PutChange),
    /// Delete a key's current version.
    Delete(DeleteChange),
    /// Write a part of an upload.
    Part(PartChange),
}

/// A new current version.
#[derive(Clone, Debug)]
pub struct PutChange {
    /// In which bucket.
    pub bucket: BucketId,
    /// The version with its key and extents.
    pub version: Version,
    /// Its parts, when it was uploaded in parts.
    pub parts: Vec<VersionPart>,
    /// What must hold for the key's current version.
    pub condition: WriteCondition,
    /// The extents are those of this version, which must still exist.
    pub source: Option<VersionId>,
}

/// Take a key's current version away.
#[derive(Clone, Debug)]
pub struct DeleteChange {
    /// In which bucket.
    pub bucket: BucketId,
    /// Which key.
    pub key: ObjectKey,
    /// What must hold for the key's current version.
    pub condition: WriteCondition,
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
    Stored,
    /// The key has no current version now.
    Deleted {
        /// It had one before.
        existed: bool,
    },
    /// Nothing changed.
    Refused(Refusal),
}

/// Why a change was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The bucket is gone.
    NoSuchBucket,
    /// The condition asks for a current version and there is none.
    NoSuchKey,
    /// The upload was completed or aborted, or never was.
    NoSuchUpload,
    /// The condition does not hold.
    PreconditionFailed,
    /// The version to copy from, or a blob it lay in, is gone: read it again.
    SourceGone,
}
