//! DELETE: versions are deleted in one transaction, their bytes are collected later.

use crate::metadata::{DeleteChange, Deleted, EventDraft, EventTrigger, NewMarker};
use crate::objects::Objects;
use crate::objects::error::ObjectsError;
use crate::objects::reporting::notifications::PotentialEvent;
use crate::objects::requests::Delete;

impl Objects {
    /// Deletes these objects and versions, all in one transaction; each gets its own answer.
    pub async fn delete(&self, deletes: Vec<Delete>) -> Vec<Result<Deleted, ObjectsError>> {
        let count = deletes.len();
        let mut changes = Vec::with_capacity(count);
        for delete in deletes {
            let events = match self.delete_drafts(&delete) {
                Ok(events) => events,
                Err(error) => return (0..count).map(|_| Err(ObjectsError::Internal(error.to_string()))).collect(),
            };
            changes.push(DeleteChange {
                bucket: delete.bucket.id,
                key: delete.key,
                selector: delete.selector,
                condition: delete.condition,
                bypass: delete.bypass,
                only: None,
                events,
                marker: self.new_marker(),
            });
        }
        match self.inner.metadata.commit_all(self.inner.id_generator.incarnation(), changes).await {
            Ok(outcomes) => outcomes.into_iter().map(|deleted| deleted.map_err(ObjectsError::from)).collect(),
            Err(error) => {
                let error = ObjectsError::from(error);
                let again = || ObjectsError::Unavailable(error.to_string());
                (0..count).map(|_| Err(again())).collect()
            }
        }
    }
}

impl Objects {
    /// What a delete marker will be called, should one be made.
    pub(crate) fn new_marker(&self) -> NewMarker {
        NewMarker { id: self.inner.id_generator.version(), modified_at: self.inner.id_generator.now() }
    }

    /// The notifications to send when it is deleted or marked.
    fn delete_drafts(&self, delete: &Delete) -> Result<Vec<EventDraft>, ObjectsError> {
        let removed = PotentialEvent::new(EventTrigger::Removed, "ObjectRemoved:Delete");
        let marked = PotentialEvent::new(EventTrigger::Marked, "ObjectRemoved:DeleteMarkerCreated");
        self.inner.drafts(&delete.bucket, &delete.key, delete.origin.as_ref(), &[removed, marked])
    }
}
