//! What is committed.

use std::fmt;
use std::sync::Arc;

use crate::domain::{
    BucketId, ETag, ObjectAttributes, ObjectKey, Part, Retention, StoredBlob, Timestamp, UploadId, Version, VersionId,
    VersionPart, VersionSelector, WriteCondition,
};
use crate::metadata::events::EventDraft;

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
    /// Change the attributes or the lock of a version.
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

/// Delete an object: in a bucket that was never versioned for good, else by a delete marker. Or delete one version for
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
    /// Bypass governance retention: the caller requested it and is permitted.
    pub bypass: bool,
    /// Only if it is this version, in this place.
    pub only: Option<OnlyVersion>,
    /// Messages to send when it is made.
    pub events: Vec<EventDraft>,
    /// The name and date of a delete marker, should one be made.
    pub marker: NewMarker,
}

/// The one version that may be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnlyVersion {
    /// Its id.
    pub id: VersionId,
    /// Its tag, where it has content: an append leaves the id and changes the tag.
    pub etag: Option<ETag>,
    /// It must be the current version of its key, or must not be.
    pub current: bool,
    /// The tags it must have, where they matter.
    pub tags: Option<Vec<(String, String)>>,
}

/// A delete marker that may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewMarker {
    /// Its id.
    pub id: VersionId,
    /// Its date.
    pub modified_at: Timestamp,
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
    /// Only if it is this version, and nothing was appended to it.
    pub only: Option<(VersionId, ETag)>,
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
        /// Bypass governance retention: the caller requested it and is permitted.
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

impl From<PutChange> for Change {
    fn from(change: PutChange) -> Self {
        Self::Put(change)
    }
}

impl From<DeleteChange> for Change {
    fn from(change: DeleteChange) -> Self {
        Self::Delete(change)
    }
}

impl From<PartChange> for Change {
    fn from(change: PartChange) -> Self {
        Self::Part(change)
    }
}

impl From<AmendChange> for Change {
    fn from(change: AmendChange) -> Self {
        Self::Amend(change)
    }
}

impl From<RenameChange> for Change {
    fn from(change: RenameChange) -> Self {
        Self::Rename(change)
    }
}

impl From<AppendChange> for Change {
    fn from(change: AppendChange) -> Self {
        Self::Append(change)
    }
}

#[cfg(test)]
impl AmendChange {
    /// Amends whatever version is selected, without notifications.
    pub fn new(bucket: BucketId, key: ObjectKey, selector: VersionSelector, amendment: Amendment) -> Self {
        Self { bucket, key, selector, amendment, only: None, events: Vec::new() }
    }
}

#[cfg(test)]
impl DeleteChange {
    /// Deletes whatever is there, on no condition.
    pub fn current(bucket: BucketId, key: ObjectKey) -> Self {
        let (selector, condition) = (VersionSelector::Current, WriteCondition::None);
        let id = VersionId(crate::clock::random(&crate::clock::SystemEntropy));
        let marker = NewMarker { id, modified_at: Timestamp(0) };
        Self { bucket, key, selector, condition, bypass: false, only: None, events: Vec::new(), marker }
    }
}
