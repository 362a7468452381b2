//! Requests and replies of the use cases.

use std::ops::Range;
use std::sync::Arc;

use crate::domain::{
    Bucket, Checksum, ChecksumAlgorithm, ChecksumKind, ContentEncryption, ETag, ObjectAttributes, ObjectKey, Part,
    PartNumber, Timestamp, Upload, UploadId, Version, VersionLock, VersionName, VersionSelector, WriteCondition,
};
use crate::events::Origin;
use crate::objects::encryption::data_key::DataKey;
use crate::objects::encryption::encryption_key::{EncryptionKey, KeyChoice, Opener};
use crate::objects::write::body::BodyPromise;

/// Write an object.
#[derive(Clone, Debug)]
pub struct Put {
    /// Where.
    pub bucket: Arc<Bucket>,
    /// Under which key.
    pub key: ObjectKey,
    /// Its attributes.
    pub attributes: ObjectAttributes,
    /// What is to keep it from being removed; a default of the bucket comes in the committing transaction.
    pub lock: VersionLock,
    /// Decided in the committing transaction.
    pub condition: WriteCondition,
    /// What must be true of the body.
    pub promise: BodyPromise,
    /// What its content is enciphered with, below its digests. The attributes need not mention it.
    pub cipher: Option<EncryptionKey>,
    /// The origin of the change, if the bucket has notifications.
    pub origin: Option<Origin>,
}

/// What became visible.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What clients call the version; none in a bucket that was never versioned.
    pub name: Option<VersionName>,
    /// Its tag.
    pub etag: ETag,
    /// Its additional checksum, verified or computed.
    pub checksum: Option<Checksum>,
    /// How its content is encrypted below its digests.
    pub encryption: Option<ContentEncryption>,
    /// Bytes of content.
    pub size: u64,
    /// When.
    pub modified_at: Timestamp,
}

/// Copy a version to a key; its bytes are shared where they may lie as the target asks.
#[derive(Clone, Debug)]
pub struct Copy {
    /// What is copied, as it was read and checked against the copy-source conditions.
    pub source: Arc<Version>,
    /// Where it lies.
    pub source_bucket: Arc<Bucket>,
    /// Where to.
    pub bucket: Arc<Bucket>,
    /// Under which key.
    pub key: ObjectKey,
    /// The new attributes (already the source's when the directive says COPY).
    pub attributes: ObjectAttributes,
    /// What is to keep the copy from being removed; the source's lock is not copied.
    pub lock: VersionLock,
    /// Decided in the committing transaction.
    pub condition: WriteCondition,
    /// The algorithm of the copy's additional checksum; the source's, or the default, when none is asked for.
    pub algorithm: Option<ChecksumAlgorithm>,
    /// What opens the source.
    pub opener: Opener,
    /// Whose key the copy is to be enciphered with.
    pub key_choice: Option<KeyChoice>,
    /// The origin of the change, if the bucket has notifications.
    pub origin: Option<Origin>,
}

/// Delete an object, or one of its versions for good.
#[derive(Clone, Debug)]
pub struct Delete {
    /// In which bucket.
    pub bucket: Arc<Bucket>,
    /// Which key.
    pub key: ObjectKey,
    /// The object, or which of its versions.
    pub selector: VersionSelector,
    /// Decided in the committing transaction.
    pub condition: WriteCondition,
    /// Bypass governance retention: the caller requested it and is permitted.
    pub bypass: bool,
    /// The origin of the change, if the bucket has notifications.
    pub origin: Option<Origin>,
}

/// Change the attributes of a version.
#[derive(Clone, Debug)]
pub struct Amend {
    /// In which bucket.
    pub bucket: Arc<Bucket>,
    /// Which key.
    pub key: ObjectKey,
    /// Which of its versions.
    pub selector: VersionSelector,
    /// What it is about.
    pub about: AmendedAttribute,
    /// The origin of the change, if the bucket has notifications.
    pub origin: Option<Origin>,
}

/// Which attribute changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmendedAttribute {
    /// Its tags.
    Tags,
    /// That it has no tags.
    NoTags,
    /// Its access list.
    AccessList,
}

/// Begin an upload in parts.
#[derive(Clone, Debug)]
pub struct CreateUpload {
    /// Where the object will be.
    pub bucket: Arc<Bucket>,
    /// Under which key.
    pub key: ObjectKey,
    /// What it will carry.
    pub attributes: ObjectAttributes,
    /// What is to keep it from being removed.
    pub lock: VersionLock,
    /// What its parts will be enciphered with. The attributes need not mention it.
    pub cipher: Option<EncryptionKey>,
    /// The additional checksum asked for and what it is to cover.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
}

/// Write one part.
#[derive(Clone, Debug)]
pub struct PutPart {
    /// Of which upload.
    pub upload: Arc<Upload>,
    /// The bucket of the upload.
    pub bucket: Arc<Bucket>,
    /// Which number.
    pub number: PartNumber,
    /// What must be true of the body.
    pub promise: BodyPromise,
    /// The client's key, when the upload was begun with it.
    pub customer: Option<DataKey>,
}

/// A part that was written.
#[derive(Clone, Debug)]
pub struct WrittenPart {
    /// The part, without its extents.
    pub part: Part,
    /// The additional checksum that was sent, or the one that was computed: what the reply shows. The part's own is that of
    /// its upload.
    pub checksum: Checksum,
}

/// Make a range of a version a part; its bytes are shared where they may lie as the target asks.
#[derive(Clone, Debug)]
pub struct CopyPart {
    /// What is copied.
    pub source: Arc<Version>,
    /// Where it lies.
    pub source_bucket: Arc<Bucket>,
    /// Which bytes; must lie within the source.
    pub range: Range<u64>,
    /// Of which upload.
    pub upload: Arc<Upload>,
    /// The bucket of the upload.
    pub bucket: Arc<Bucket>,
    /// Which number.
    pub number: PartNumber,
    /// What opens the source.
    pub opener: Opener,
    /// The client's key, when the upload was begun with it.
    pub customer: Option<DataKey>,
}

/// One line of a Complete request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenPart {
    /// The number.
    pub number: PartNumber,
    /// The ETag of the part as the client sent it; `None` when it cannot be one of ours.
    pub etag: Option<ETag>,
    /// The checksums the client repeats; a part has one at most, so more than one cannot all be its own.
    pub checksums: Vec<(ChecksumAlgorithm, Vec<u8>)>,
}

/// What a client says the checksum of a whole object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedChecksum {
    /// Its algorithm.
    pub algorithm: ChecksumAlgorithm,
    /// Its value.
    pub value: Vec<u8>,
    /// The number behind the value of a composite checksum, when given.
    pub parts: Option<usize>,
}

/// Make an object of an upload's parts.
#[derive(Clone, Debug)]
pub struct CompleteUpload {
    /// In which bucket.
    pub bucket: Arc<Bucket>,
    /// Under which key.
    pub key: ObjectKey,
    /// Which upload.
    pub upload: UploadId,
    /// The parts, in the order the client gave.
    pub parts: Vec<ChosenPart>,
    /// Decided in the committing transaction.
    pub condition: WriteCondition,
    /// `x-amz-mp-object-size`, when given.
    pub object_size: Option<u64>,
    /// A `x-amz-checksum-*` header of the whole object, when given.
    pub checksum: Option<ClaimedChecksum>,
    /// `x-amz-checksum-type`, when given.
    pub checksum_kind: Option<ChecksumKind>,
    /// The origin of the change, if the bucket has notifications.
    pub origin: Option<Origin>,
}
