//! Findings: bad or missing slivers that reads noticed.

use backends::StoreError;
use codec::BlobId;

use crate::domain::Placement;
use crate::metadata::{Finding, MetadataError};
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
        self.file_finding(*blob, placement, kind);
    }

    /// Files that a sliver is missing or damaged, once in a while for each; the row comes with a repair job.
    fn file_finding(&self, blob: BlobId, placement: &Placement, kind: &'static str) {
        let key = ((blob, placement.index, placement.attempt), kind);
        if !self.noticed.filed.admits(key) {
            return;
        }
        let (metadata, filed, placement) = (self.metadata.clone(), self.noticed.filed.clone(), placement.clone());
        let finding = async move {
            // What is said of a place that the sliver has left is of no use to anybody.
            metadata.forget_blob(&blob);
            if metadata.blob(&blob).await?.is_some_and(|blob| blob.placements.contains(&placement)) {
                let Placement { index, backend, .. } = placement;
                metadata.record_finding(Finding { blob, index, backend, kind: kind.to_owned() }).await?;
            }
            Ok::<_, MetadataError>(())
        };
        tokio::spawn(async move {
            if let Err(error) = finding.await {
                filed.release(&key);
                tracing::warn!(%error, "a finding could not be recorded; the next read will report it again");
            }
        });
    }
}
