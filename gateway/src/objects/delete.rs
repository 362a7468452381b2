//! DELETE: versions go in one transaction, their bytes later.

use super::requests::Delete;
use super::{Objects, ObjectsError};
use crate::metadata::{Batch, Change, DeleteChange, Deleted, Outcome};

impl Objects {
    /// Deletes these objects and versions, all in one transaction; each gets its own answer.
    pub async fn delete(&self, deletes: Vec<Delete>) -> Vec<Result<Deleted, ObjectsError>> {
        let count = deletes.len();
        let change = |delete: Delete| {
            Change::Delete(DeleteChange {
                bucket: delete.bucket.id,
                key: delete.key,
                selector: delete.selector,
                condition: delete.condition,
                bypass: delete.bypass,
                marker: (self.inner.mint.version(), self.inner.mint.now()),
            })
        };
        let changes = deletes.into_iter().map(change).collect();
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

fn deleted(outcome: Outcome) -> Result<Deleted, ObjectsError> {
    match outcome {
        Outcome::Deleted(deleted) => Ok(deleted),
        Outcome::Refused(refusal) => Err(refusal.into()),
        Outcome::Stored { .. } | Outcome::Amended { .. } => {
            Err(ObjectsError::Internal("a deletion had the outcome of another change".to_owned()))
        }
    }
}
