//! Backends that stay away: after a while what they hold is rebuilt on the others, as if they had been removed as lost.
//!
//! `Heartbeats` notes which backends answer; here it is decided what follows, and repair and its walk see what was decided in the
//! database. A backend that answers again belongs to the cluster as before.

use crate::objects::Objects;
use crate::objects::error::ObjectsError;

impl Objects {
    /// Counts as lost the backends that have been away for too long. Never more providers together than any blob survives: when
    /// more are away, it is this side that is cut off, or something that an operator has to look at. Returns how many are lost from
    /// now on.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn give_up_absent(&self) -> Result<usize, ObjectsError> {
        let metadata = &self.inner.metadata;
        if metadata.absences().await?.values().all(|absence| absence.lost) {
            return Ok(0);
        }
        let providers_max = self.inner.schemes.all().map(|scheme| scheme.m()).min().unwrap_or(0);
        let lost = metadata.give_up_absent(providers_max).await?;
        for backend in &lost {
            tracing::error!(
                %backend,
                "a backend was away for too long: what it holds counts as lost and is rebuilt on the others until it is back"
            );
        }
        Ok(lost.len())
    }
}
