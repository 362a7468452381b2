//! Giving an object another key: one change of metadata, no bytes move.

use std::sync::Arc;

use super::telling::Chance;
use super::{Objects, ObjectsError};
use crate::domain::{Bucket, ObjectKey, Version, WriteCondition};
use crate::events::Origin;
use crate::metadata::{Batch, Change, EventWhen, Outcome, RenameChange};

impl Objects {
    /// Gives a version another key, in the place of what is there. Answers whether it was still the version that was read.
    ///
    /// # Errors
    /// `Versioned` in a bucket that is or was versioned; else see [`ObjectsError`].
    pub async fn rename(
        &self,
        bucket: &Bucket,
        source: &Arc<Version>,
        to: ObjectKey,
        condition: WriteCondition,
        origin: Option<&Origin>,
    ) -> Result<bool, ObjectsError> {
        let parts = self.version_parts(source).await?;
        let left = Chance::new(EventWhen::Removed, "ObjectRemoved:Delete");
        let came = Chance::stored("ObjectCreated:Put", source.size, source.etag);
        let drafts = |key, chance| self.inner.drafts(bucket, key, origin, &[chance]);
        let events = [drafts(&source.key, left)?, drafts(&to, came)?];
        let change = RenameChange { bucket: bucket.id, version: (**source).clone(), parts, to, condition, events };
        match self.commit_one(Batch { blobs: Vec::new(), changes: vec![Change::Rename(change)] }).await? {
            Outcome::Renamed => Ok(true),
            Outcome::Refused(crate::metadata::Refusal::SourceGone) => Ok(false),
            Outcome::Refused(refusal) => Err(refusal.into()),
            Outcome::Stored { .. } | Outcome::Deleted(_) | Outcome::Amended { .. } | Outcome::Appended { .. } => {
                Err(ObjectsError::Internal("a renaming had the outcome of another change".to_owned()))
            }
        }
    }
}
