//! DELETE: versions go in one transaction, their bytes later.

use super::requests::Delete;
use super::{Objects, ObjectsError};
use crate::metadata::{Batch, Change, DeleteChange, Outcome};

impl Objects {
    /// Deletes the current versions of these keys, all in one transaction; each gets its own answer: whether there
    /// was one.
    pub async fn delete(&self, deletes: Vec<Delete>) -> Vec<Result<bool, ObjectsError>> {
        let count = deletes.len();
        let change = |delete: Delete| {
            Change::Delete(DeleteChange { bucket: delete.bucket.id, key: delete.key, condition: delete.condition })
        };
        let changes = deletes.into_iter().map(change).collect();
        match self.inner.metadata.commit(self.inner.mint.incarnation(), Batch { blobs: Vec::new(), changes }).await {
            Ok(outcomes) => outcomes.into_iter().map(existed).collect(),
            Err(error) => {
                let error = ObjectsError::from(error);
                let again = || ObjectsError::Unavailable(error.to_string());
                (0..count).map(|_| Err(again())).collect()
            }
        }
    }
}

fn existed(outcome: Outcome) -> Result<bool, ObjectsError> {
    match outcome {
        Outcome::Deleted { existed } => Ok(existed),
        Outcome::Refused(refusal) => Err(refusal.into()),
        Outcome::Stored => Err(ObjectsError::Internal("a deletion was stored".to_owned())),
    }
}
