//! Whether anything may be deleted from the backends now.

use crate::objects::Objects;
use crate::objects::error::ObjectsError;

/// What an operator should do about a flag.
const CONFIRM: &str =
    "see `haulout backend list`, then confirm with `haulout backend accept NAME` or `haulout database confirm`";

impl Objects {
    /// Why nothing may expire, be compacted or be deleted: the database or a backend was rolled back, and until an operator
    /// has looked, what the database does not know may be an acknowledged write.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn rollback_hold(&self) -> Result<Option<String>, ObjectsError> {
        // Known at once after a failover, and only then written down as a flag.
        if self.is_read_only() {
            return Ok(Some(format!("collection is off: the database lacks what was committed; {CONFIRM}")));
        }
        let flagged = self.inner.metadata.flagged_backends().await?;
        let holding = flagged.into_iter().filter(|flagged| flagged.flag.holds_collection());
        let reasons: Vec<_> =
            holding.map(|flagged| format!("{}: {} ({})", flagged.backend, flagged.flag, flagged.reason)).collect();
        if reasons.is_empty() {
            return Ok(None);
        }
        Ok(Some(format!("collection is off: {}; {CONFIRM}", reasons.join("; "))))
    }

    /// Why nothing may be deleted from the backends: the above, or a backend has not answered since this gateway started,
    /// and may know more than the database.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn deletion_hold(&self) -> Result<Option<String>, ObjectsError> {
        if let Some(reason) = self.rollback_hold().await? {
            return Ok(Some(reason));
        }
        let backends = self.inner.committee.backends().iter();
        let unseen = backends.filter(|backend| !backend.trust().is_seen() && !backend.trust().is_removed());
        let unseen: Vec<_> = unseen.map(|backend| backend.id.to_string()).collect();
        if unseen.is_empty() {
            return Ok(None);
        }
        Ok(Some(format!("collection waits until these backends have answered: {}", unseen.join(", "))))
    }
}
