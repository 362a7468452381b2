//! Findings: bad or missing slivers that reads noticed.

use backends::StoreError;
use codec::BlobId;

use crate::domain::Placement;
use crate::objects::committee::Backend;
use crate::objects::maintenance::noticed::Subject;
use crate::objects::state::Inner;

impl Inner {
    /// Notes that a sliver could not be read: in the log, and for repair when it is the sliver's own fault.
    pub(crate) fn sliver_failed(&self, blob: &BlobId, backend: &Backend, placement: &Placement, error: &StoreError) {
        let sliver = (*blob, placement.index, placement.attempt);
        let about_backend = error.is_about_backend();
        let subject = if about_backend { Subject::Backend(backend.id.clone()) } else { Subject::Sliver(sliver) };
        if self.noticed.logged.admits(subject) {
            let index = placement.index;
            tracing::warn!(backend = %backend.id, %blob, index, %error, "a sliver could not be read");
        }
        let kind = match error {
            StoreError::NotFound => "missing",
            StoreError::Damaged { .. } => "damaged",
            _ => return,
        };
        // It may have moved. The next read looks where it is now; this one does when it cannot do without.
        if kind == "missing" && self.noticed.forgotten.admits(*blob) {
            self.forget_blob(blob);
        }
        self.findings.file(*blob, placement, kind);
    }
}
