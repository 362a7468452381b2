//! Group commit: many callers' changes in one transaction.
//!
//! [`queue`] gathers batches into groups; [`group`] is the transaction: [`load`] reads and locks the [`facts`], [`plan`]
//! decides, [`apply`] writes.

pub(super) mod apply;
mod balance;
mod change;
pub(super) mod facts;
pub(super) mod group;
pub(super) mod load;
pub(super) mod load_versions;
pub(super) mod plan;
mod queue;
pub(super) mod targets;

pub use change::{
    AmendChange, Amendment, AppendChange, AttributeEdit, Batch, Change, DeleteChange, Deleted, NewBlob, Outcome,
    PartChange, PutChange, Refusal, RenameChange,
};
pub(super) use queue::{Queue, start};

use super::{MetadataStore, Result};

impl MetadataStore {
    /// Commits a batch together with whatever else is waiting, and answers one outcome for each change, in order.
    /// Dropping the future does not stop it.
    ///
    /// # Errors
    /// No change took effect, unless it is [`super::MetadataError::Unknown`].
    pub async fn commit(&self, incarnation: u32, batch: Batch) -> Result<Vec<Outcome>> {
        self.queue.commit(incarnation, batch).await
    }
}
