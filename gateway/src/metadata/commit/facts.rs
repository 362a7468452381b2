//! The rows a planner needs, read and locked.

use std::collections::{BTreeMap, HashMap, HashSet};

use codec::{BlobId, ContentSalt};

use crate::domain::{
    BucketId, Checksum, ETag, Extent, ObjectAttributes, ObjectKey, ObjectLock, PartNumber, UploadId, UserId, VersionId,
    VersionLock, Versioning,
};
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::buckets::quota_row::{QuotaFact, QuotaScope};
use crate::metadata::error::{MetadataError, Result};

/// Where versions are: a bucket and a key in it.
pub(in crate::metadata) type KeyLocation = (BucketId, ObjectKey);

/// Rows that were read, and on PostgreSQL locked, in the transaction that will change them.
#[derive(Clone, Debug, Default)]
pub(in crate::metadata) struct Facts {
    /// The database's time; none if the incarnation that was asked about must not commit.
    pub now: Option<i64>,
    /// Numbers for new versions, ascending.
    pub numbers: Vec<i64>,
    /// The buckets that exist, of those that are asked for.
    pub buckets: HashMap<BucketId, BucketFact>,
    /// The current version, which is the newest, of each key that has any.
    pub currents: HashMap<KeyLocation, VersionFact>,
    /// Versions that are not current, newest first: those that are selected, the null version where it may be replaced, and as
    /// many of the newest as may come to be current.
    pub older: HashMap<KeyLocation, Vec<VersionFact>>,
    /// The attributes of versions that are amended.
    pub attributes: HashMap<VersionId, ObjectAttributes>,
    /// Their additional checksums.
    pub checksums: HashMap<VersionId, Checksum>,
    /// The quotas over the buckets that have any.
    pub quotas: BTreeMap<QuotaScope, QuotaFact>,
    /// The uploads that exist.
    pub uploads: HashMap<UploadId, UploadFact>,
    /// The parts that may be replaced or released.
    pub parts: HashMap<(UploadId, PartNumber), PartFact>,
    /// The versions to copy from that still have extents.
    pub sources: HashSet<VersionId>,
    /// Where the bytes of the versions and parts above lie, in order. Those of large versions that may go are not read.
    pub extents: HashMap<ExtentOwner, Vec<Extent>>,
    /// Single extents that may move, by their places.
    pub single_extents: HashMap<(ExtentOwner, u32), Extent>,
    /// The versions among their owners that have their one extent in their own row.
    pub inline: HashSet<ExtentOwner>,
    /// What was metered for owners whose extents may move.
    pub metered: HashMap<ExtentOwner, MeteredFact>,
    /// The blobs of those extents, and of the extents that changes bring without bringing the blob.
    pub blobs: HashMap<BlobId, BlobFact>,
}

impl Facts {
    /// The database's time.
    ///
    /// # Errors
    /// [`MetadataError::Fenced`] if the incarnation must not commit.
    pub(in crate::metadata) fn fenced_now(&self) -> Result<i64> {
        self.now.ok_or(MetadataError::Fenced)
    }
}

/// A bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::metadata) struct BucketFact {
    pub owner: UserId,
    pub versioning: Versioning,
    pub lock: Option<ObjectLock>,
    /// It or its owner has a quota.
    pub has_quota: bool,
}

/// A version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metadata) struct VersionFact {
    pub seq: i64,
    pub id: VersionId,
    pub current: bool,
    pub null: bool,
    pub marker: bool,
    pub size: u64,
    pub etag: ETag,
    pub lock: VersionLock,
    /// What was metered for it.
    pub encoded_bytes: u64,
    /// How many extents it has: one is in its own row, several are in `extent`.
    pub extent_count: u32,
    /// How many rows it has in `version_part`.
    pub part_count: u32,
}

/// The most extents, and the most parts, of a version that is removed with all its rows in one transaction. Of others the version
/// goes, and the rest follows step by step: clients' writes wait for a transaction.
pub(in crate::metadata) const REMOVED_AT_ONCE_MAX: u32 = 64;

impl VersionFact {
    /// It has more rows than go in one transaction.
    pub(in crate::metadata) fn is_large(&self) -> bool {
        self.extent_count > REMOVED_AT_ONCE_MAX || self.part_count > REMOVED_AT_ONCE_MAX
    }
}

/// What was metered for a version or a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metadata) struct MeteredFact {
    pub bucket: BucketId,
    pub row: MeteredRow,
    pub encoded_bytes: u64,
}

/// Which row, by primary key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metadata) enum MeteredRow {
    /// A version: key and place in the order.
    Version(ObjectKey, i64),
    /// A part.
    Part(UploadId, PartNumber),
}

/// An upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metadata) struct UploadFact {
    pub bucket: BucketId,
    pub key: ObjectKey,
    pub begun_over: BegunOver,
}

/// What the key of an upload held when the upload began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::metadata) enum BegunOver {
    /// A release that did not keep it began the upload.
    Unknown,
    /// This current version, or delete marker; or nothing.
    Current(Option<VersionId>),
}

/// A part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metadata) struct PartFact {
    /// Owner of its extents.
    pub id: ExtentOwner,
    pub size: u64,
    pub etag: ETag,
    /// What makes its key stream its own, if it is enciphered.
    pub salt: Option<ContentSalt>,
    /// What was metered for it.
    pub encoded_bytes: u64,
}

/// A blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::metadata) struct BlobFact {
    /// Sum of its extents; 0 means dead for ever.
    pub live_bytes: u64,
    pub content_len: u64,
    /// Bytes of all its slivers together.
    pub encoded_len: u64,
}
