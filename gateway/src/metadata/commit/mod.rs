//! Group commit: many callers' changes in one transaction.

mod change;

pub use change::{Batch, Change, DeleteChange, NewBlob, Outcome, PartChange, PutChange, Refusal};

use super::{MetadataStore, Result};

impl MetadataStore {
    /// Commits a batch together with whatever else is waiting, and answers one outcome for each change, in order.
    /// Dropping the future does not stop it.
    ///
    /// # Errors
    /// No change took effect, unless it is [`super::MetadataError::Unknown`].
    pub async fn commit(&self, incarnation: u32, batch: Batch) -> Result<Vec<Outcome>> {
        todo!()
    }
}
