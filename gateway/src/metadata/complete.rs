//! Completing an upload: metadata alone, in one transaction, the same answer for 24 hours.

use super::{MetadataStore, Refusal, Result};
use crate::domain::{
    BucketId, Checksum, ETag, ObjectKey, PartNumber, Timestamp, UploadId, Version, VersionId, VersionPart,
    WriteCondition,
};

/// An upload and the version it is to become.
#[derive(Clone, Debug)]
pub struct CompleteChange {
    /// The upload's bucket.
    pub bucket: BucketId,
    /// The upload.
    pub upload: UploadId,
    /// The parts the version is made of. Their rows must still carry these tags; the other parts are released.
    pub chosen: Vec<(PartNumber, ETag)>,
    /// The version. Its extents are the chosen parts' extents, one after the other.
    pub version: Version,
    /// What `partNumber` reads will see.
    pub parts: Vec<VersionPart>,
    /// What must hold for the key's current version.
    pub condition: WriteCondition,
}

/// What is remembered of a completed upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedUpload {
    /// The version it became; it may have been replaced since.
    pub version: VersionId,
    /// Its tag.
    pub etag: ETag,
    /// Its additional checksum.
    pub checksum: Option<Checksum>,
    /// Bytes of content.
    pub size: u64,
    /// When it was committed.
    pub modified_at: Timestamp,
}

/// What came of completing an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompleteOutcome {
    /// The version is visible.
    Completed,
    /// An earlier request has completed it; nothing changed.
    AlreadyCompleted(CompletedUpload),
    /// There is no such upload.
    NoSuchUpload,
    /// A chosen part is gone or another: read the parts again.
    PartsChanged,
    /// The bucket is gone or the condition does not hold; the upload stays.
    Refused(Refusal),
}

impl MetadataStore {
    /// Makes a version of an upload's parts.
    ///
    /// # Errors
    /// Nothing changed, unless it is [`super::MetadataError::Unknown`].
    pub async fn complete_upload(&self, incarnation: u32, change: CompleteChange) -> Result<CompleteOutcome> {
        todo!()
    }

    /// What an upload became, for 24 hours after its completion.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn completed_upload(
        &self, bucket: BucketId, key: &ObjectKey, id: &UploadId,
    ) -> Result<Option<CompletedUpload>> {
        todo!()
    }
}
