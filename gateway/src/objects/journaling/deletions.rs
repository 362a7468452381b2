//! What is deleted from the backends waits for the journal.

use crate::objects::Objects;
use crate::objects::error::ObjectsError;

impl Objects {
    /// Sees to it that the journal knows why bytes are deleted, before they are: a database that is rebuilt without knowing would count on them.
    /// Call it when it is decided what goes, not before. Where space is short it may go first: nothing else makes any.
    ///
    /// # Errors
    /// `Unavailable` when the journal cannot be written now: delete nothing.
    pub(in crate::objects) async fn journal_before_deletion(&self) -> Result<(), ObjectsError> {
        if self.inner.committee.short_of_space().next().is_none() {
            return self.await_journal().await;
        }
        if let Err(error) = self.write_journal().await {
            tracing::warn!(%error, "space is short: slivers are deleted before the journal knows why");
        }
        Ok(())
    }
}
