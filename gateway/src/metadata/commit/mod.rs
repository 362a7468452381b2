//! Group commit: the changes of many callers in one transaction.
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
mod outcome;
pub(super) mod plan;
mod queue;
pub(super) mod targets;

pub use change::{
    AmendChange, Amendment, AppendChange, AttributeEdit, Batch, Change, DeleteChange, NewBlob, NewMarker, OnlyVersion,
    PartChange, PutChange, RenameChange,
};
pub use outcome::{Appended, CommitChange, Committed, Deleted, Outcome, Refusal, StoredVersion};
pub(super) use queue::{Queue, start};

use crate::metadata::MetadataStore;
use crate::metadata::error::{MetadataError, Result};

impl MetadataStore {
    /// Commits a batch together with whatever else is waiting, and answers one outcome for each change, in order.
    /// Dropping the future does not stop it.
    ///
    /// # Errors
    /// No change took effect, unless it is [`MetadataError::Unknown`].
    pub async fn commit(&self, incarnation: u32, batch: Batch) -> Result<Vec<Outcome>> {
        self.queue.commit(incarnation, batch).await
    }

    /// Commits one change with the blobs it brings, as [`MetadataStore::commit`] does.
    ///
    /// # Errors
    /// It did not take effect, unless it is [`MetadataError::Unknown`].
    pub async fn commit_one<C: CommitChange>(
        &self,
        incarnation: u32,
        blobs: Vec<NewBlob>,
        change: C,
    ) -> Result<Committed<C>> {
        let outcomes = self.commit(incarnation, Batch { blobs, changes: vec![change.into()] }).await?;
        let none = || MetadataError::Damaged("a commit gave no outcome".to_owned());
        outcomes.into_iter().next().ok_or_else(none)?.of::<C>()
    }

    /// Commits changes of one kind that bring no blobs, as [`MetadataStore::commit`] does.
    ///
    /// # Errors
    /// None took effect, unless it is [`MetadataError::Unknown`].
    pub async fn commit_all<C: CommitChange>(&self, incarnation: u32, changes: Vec<C>) -> Result<Vec<Committed<C>>> {
        let changes = changes.into_iter().map(C::into).collect();
        let outcomes = self.commit(incarnation, Batch { blobs: Vec::new(), changes }).await?;
        outcomes.into_iter().map(Outcome::of::<C>).collect()
    }
}
