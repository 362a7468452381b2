//! Giving an object another key: one change of metadata, no bytes move.

use std::sync::Arc;

use crate::domain::{Bucket, ObjectAttributes, ObjectKey, Version, WriteCondition};
use crate::events::Origin;
use crate::metadata::{EventTrigger, Refusal, RenameChange};
use crate::objects::Objects;
use crate::objects::error::ObjectsError;
use crate::objects::reporting::notifications::PotentialEvent;

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
        let left = PotentialEvent::new(EventTrigger::Removed, "ObjectRemoved:Delete");
        let came = PotentialEvent::stored("ObjectCreated:Put", source.size, source.etag);
        let drafts = |key, potential_event| self.inner.drafts(bucket, key, origin, &[potential_event]);
        let events = [drafts(&source.key, left)?, drafts(&to, came)?];
        let encryption = self.rebound(source.attributes.encryption.as_ref(), bucket, &to).await?;
        let attributes = ObjectAttributes { encryption, ..source.attributes.clone() };
        let version = Version { attributes, ..(**source).clone() };
        let change = RenameChange { bucket: bucket.id, version, parts, to, condition, events };
        match self.inner.metadata.commit_one(self.inner.id_generator.incarnation(), Vec::new(), change).await? {
            Ok(()) => Ok(true),
            Err(Refusal::SourceGone) => Ok(false),
            Err(refusal) => Err(refusal.into()),
        }
    }
}
