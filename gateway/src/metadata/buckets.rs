//! Buckets.

use std::sync::Arc;

use super::{MetadataStore, Result};
use crate::domain::{Bucket, BucketId, BucketName, UserId};

/// What came of making a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateBucket {
    /// The new bucket.
    Created(Arc<Bucket>),
    /// The same user already has it.
    OwnedByYou(Arc<Bucket>),
    /// Another user has it.
    Taken,
}

/// What came of deleting a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteBucket {
    /// It is gone, and its unfinished uploads with it.
    Deleted,
    /// It has objects.
    NotEmpty,
    /// There is none.
    NoSuchBucket,
}

impl MetadataStore {
    /// Makes a bucket.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn create_bucket(&self, owner: UserId, name: &BucketName, location: &str) -> Result<CreateBucket> {
        todo!()
    }

    /// A bucket by name. Cached: exact on SQLite; on PostgreSQL a deletion by another gateway is seen within 2 s.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn bucket(&self, name: &BucketName) -> Result<Option<Arc<Bucket>>> {
        todo!()
    }

    /// Deletes an empty bucket. Unfinished uploads do not keep it: they are aborted in the same transaction.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn delete_bucket(&self, id: BucketId) -> Result<DeleteBucket> {
        todo!()
    }

    /// Buckets by name: those of one owner or all, that begin with `prefix` and come after `after`.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn list_buckets(
        &self, owner: Option<UserId>, prefix: &str, after: &str, limit: usize,
    ) -> Result<Vec<Bucket>> {
        todo!()
    }
}
