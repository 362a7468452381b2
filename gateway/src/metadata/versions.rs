//! Reading one version.

use std::sync::Arc;

use super::{MetadataStore, Result};
use crate::domain::{BucketId, ObjectKey, Version, VersionId, VersionPart};

impl MetadataStore {
    /// The current version of a key. On SQLite an exact cache stands in front.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn current(&self, bucket: BucketId, key: &ObjectKey) -> Result<Option<Arc<Version>>> {
        todo!()
    }

    /// The parts of a version that was uploaded in parts, ascending; empty for others.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn version_parts(&self, version: &VersionId) -> Result<Vec<VersionPart>> {
        todo!()
    }
}
