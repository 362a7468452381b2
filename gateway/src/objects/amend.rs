//! Changing what is said about a version; its bytes stay.

use std::sync::Arc;

use super::{Objects, ObjectsError};
use crate::domain::{Bucket, ObjectAttributes, ObjectKey, VersionName, VersionSelector};
use crate::metadata::{AmendChange, Amendment, AttributeEdit, Batch, Change, Outcome};

impl Objects {
    /// Changes the attributes of a version. The edit is applied inside the transaction to what the database holds then, so
    /// that no other change is lost; it may be applied more than once, each time anew. Answers what clients call the version,
    /// where there are versions.
    ///
    /// # Errors
    /// `NoSuchKey` or `NoSuchVersion` when it is not there (any more), `IsMarker` when it is a delete marker.
    pub async fn amend(
        &self,
        bucket: &Bucket,
        key: ObjectKey,
        selector: VersionSelector,
        edit: impl Fn(&mut ObjectAttributes) + Send + Sync + 'static,
    ) -> Result<Option<VersionName>, ObjectsError> {
        self.amend_with(bucket, key, selector, Amendment::Attributes(AttributeEdit(Arc::new(edit)))).await
    }

    /// Changes the attributes, the retention or the legal hold of a version.
    ///
    /// # Errors
    /// As [`Objects::amend`]; `Locked` for a retention that may not change like this, `NoObjectLock` in a bucket without.
    pub async fn amend_with(
        &self,
        bucket: &Bucket,
        key: ObjectKey,
        selector: VersionSelector,
        amendment: Amendment,
    ) -> Result<Option<VersionName>, ObjectsError> {
        let change = Change::Amend(AmendChange { bucket: bucket.id, key, selector, amendment });
        match self.commit_one(Batch { blobs: Vec::new(), changes: vec![change] }).await? {
            Outcome::Amended { name } => Ok(name),
            Outcome::Refused(refusal) => Err(refusal.into()),
            Outcome::Stored { .. } | Outcome::Deleted(_) | Outcome::Appended { .. } => {
                Err(ObjectsError::Internal("an amendment had the outcome of another change".to_owned()))
            }
        }
    }
}
