//! Multipart uploads and their parts.

use super::{MetadataStore, Result};
use crate::domain::{BucketId, ObjectKey, Part, Upload, UploadId, UserId};

/// What came of beginning an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateUpload {
    /// Parts may come.
    Created,
    /// The bucket is gone.
    NoSuchBucket,
}

/// What came of aborting an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortUpload {
    /// It is gone and its parts with it.
    Aborted,
    /// There is no such upload; a completed one touches no data.
    NoSuchUpload,
}

/// Which uploads to list. Prefix and delimiter as in [`super::ListQuery`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadListQuery {
    /// Only keys that begin with this.
    pub prefix: Vec<u8>,
    /// Rolls up keys; empty for none.
    pub delimiter: Vec<u8>,
    /// Only uploads of keys after this one, or of this one if `upload_marker` is given.
    pub key_marker: Vec<u8>,
    /// Among the uploads of `key_marker`, only those after this.
    pub upload_marker: Option<UploadId>,
    /// The most entries.
    pub limit: usize,
}

/// One entry of a page of uploads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadEntry {
    /// An upload.
    Upload(Upload),
    /// A common prefix, the delimiter included.
    Prefix(Vec<u8>),
}

/// Uploads by key, then by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadPage {
    /// Uploads and common prefixes, at most `limit` of both together.
    pub entries: Vec<UploadEntry>,
    /// There is more after the last entry.
    pub truncated: bool,
}

impl MetadataStore {
    /// Begins an upload.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn create_upload(&self, upload: &Upload, owner: UserId) -> Result<CreateUpload> {
        todo!()
    }

    /// An upload that has begun and not ended, if it is of this bucket and key.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn upload(&self, bucket: BucketId, key: &ObjectKey, id: &UploadId) -> Result<Option<Upload>> {
        todo!()
    }

    /// Parts of an upload by number, after one (0 for the first).
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn parts(&self, upload: &UploadId, after: u16, limit: usize) -> Result<Vec<Part>> {
        todo!()
    }

    /// One page of a bucket's unfinished uploads.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn list_uploads(&self, bucket: BucketId, query: &UploadListQuery) -> Result<UploadPage> {
        todo!()
    }

    /// Ends an upload and releases its parts.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn abort_upload(&self, bucket: BucketId, key: &ObjectKey, id: &UploadId) -> Result<AbortUpload> {
        todo!()
    }
}
