//! DELETE: versions go in one transaction, their bytes later.

use super::requests::Delete;
use super::telling::Chance;
use super::{Objects, ObjectsError};
use crate::metadata::{Batch, Change, DeleteChange, Deleted, EventDraft, EventWhen, Outcome};

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
            changes.push(Change::Delete(DeleteChange {
                bucket: delete.bucket.id,
                key: delete.key,
                selector: delete.selector,
                condition: delete.condition,
                bypass: delete.bypass,
                only: None,
                events,
                marker: (self.inner.mint.version(), self.inner.mint.now()),
            }));
        }
        match self.inner.metadata.commit(self.inner.mint.incarnation(), Batch { blobs: Vec::new(), changes }).await {
            Ok(outcomes) => outcomes.into_iter().map(deleted).collect(),
            Err(error) => {
                let error = ObjectsError::from(error);
                let again = || ObjectsError::Unavailable(error.to_string());
                (0..count).map(|_| Err(again())).collect()
            }
        }
    }
}

impl Objects {
    /// Who is told when it is deleted, or a marker made.
    fn delete_drafts(&self, delete: &Delete) -> Result<Vec<EventDraft>, ObjectsError> {
        let removed = Chance::new(EventWhen::Removed, "ObjectRemoved:Delete");
        let marked = Chance::new(EventWhen::Marked, "ObjectRemoved:DeleteMarkerCreated");
        self.inner.drafts(&delete.bucket, &delete.key, delete.origin.as_ref(), &[removed, marked])
    }
}

fn deleted(outcome: Outcome) -> Result<Deleted, ObjectsError> {
    match outcome {
        Outcome::Deleted(deleted) => Ok(deleted),
        Outcome::Refused(refusal) => Err(refusal.into()),
        Outcome::Stored { .. } | Outcome::Amended { .. } | Outcome::Renamed | Outcome::Appended { .. } => {
            Err(ObjectsError::Internal("a deletion had the outcome of another change".to_owned()))
        }
    }
}
