//! What reads notice about slivers.

use codec::BlobId;

use super::state::Inner;
use crate::domain::Placement;
use crate::metadata::Finding;

impl Inner {
    /// Files that a sliver is missing or damaged, once in a while for each; the row comes with a repair job.
    pub(crate) fn file_finding(&self, blob: BlobId, placement: &Placement, kind: &'static str) {
        let key = (blob, placement.index);
        if self.filed.contains_key(&key) {
            return;
        }
        self.filed.insert(key, ());
        let finding =
            Finding { blob, index: placement.index, backend: placement.backend.clone(), kind: kind.to_owned() };
        let metadata = self.metadata.clone();
        tokio::spawn(async move {
            if let Err(error) = metadata.record_finding(finding).await {
                tracing::warn!(%error, "a finding could not be filed; the next read will notice it again");
            }
        });
    }
}
