//! Changing the attributes or the lock of a version; its bytes stay.

use std::sync::Arc;

use crate::domain::{Bucket, ObjectAttributes, ObjectKey, VersionName, VersionSelector};
use crate::metadata::{AmendChange, Amendment, AttributeEdit, EventTrigger};
use crate::objects::Objects;
use crate::objects::error::ObjectsError;
use crate::objects::reporting::notifications::PotentialEvent;
use crate::objects::requests::{Amend, AmendedAttribute};

impl Objects {
    /// Changes the attributes of a version. The edit is applied inside the transaction to what the database holds then, so
    /// that no other change is lost; it may be applied more than once, each time to what is there then. Answers what clients call the version,
    /// where there are versions.
    ///
    /// # Errors
    /// `NoSuchKey` or `NoSuchVersion` when it is not there (any more), `IsMarker` when it is a delete marker.
    pub async fn amend(
        &self,
        amend: Amend,
        edit: impl Fn(&mut ObjectAttributes) + Send + Sync + 'static,
    ) -> Result<Option<VersionName>, ObjectsError> {
        let Amend { bucket, key, selector, about, origin } = amend;
        let events = self.inner.drafts(&bucket, &key, origin.as_ref(), &[about.potential_event()])?;
        let amendment = Amendment::Attributes(AttributeEdit(Arc::new(edit)));
        let amend = AmendChange { bucket: bucket.id, key, selector, amendment, only: None, events };
        self.inner.commit(amend).await
    }

    /// Changes the retention or the legal hold of a version, without notifications.
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
        let (bucket, events) = (bucket.id, Vec::new());
        let amend = AmendChange { bucket, key, selector, amendment, only: None, events };
        self.inner.commit(amend).await
    }
}

impl AmendedAttribute {
    /// The event. Setting the same tags again is one, as with Amazon; deleting none, or setting the same ACL, is not.
    fn potential_event(self) -> PotentialEvent<'static> {
        match self {
            Self::Tags => PotentialEvent::new(EventTrigger::Amended, "ObjectTagging:Put"),
            Self::NoTags => PotentialEvent::new(EventTrigger::Changed, "ObjectTagging:Delete"),
            Self::AccessList => PotentialEvent::new(EventTrigger::Changed, "ObjectAcl:Put"),
        }
    }
}
