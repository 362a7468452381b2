//! Scrubbing: the slivers on own disks are read through and proven, so that what decays unread is found while it can still be rebuilt.

use backends::{SliverCondition, examine};
use codec::BlobId;

use crate::audit::check::Stores;
use crate::audit::unjudged::unjudged_backends;
use crate::domain::{Placement, StoredBlob};
use crate::metadata::{Finding, MetadataError, MetadataStore};

/// Blobs read with one query.
const PAGE: usize = 64;

/// Reads through what some of the backends hold.
pub struct Scrub {
    metadata: MetadataStore,
    cluster: codec::ClusterId,
    stores: Stores,
}

/// What a few blobs came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// Slivers that were read.
    pub slivers: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Slivers that were missing or damaged, and for which repair was asked.
    pub bad: u64,
    /// The last blob that was looked at; none at the end.
    pub last: Option<BlobId>,
}

impl Scrub {
    /// Reads what these backends hold.
    #[must_use]
    pub fn new(metadata: MetadataStore, cluster: codec::ClusterId, stores: Stores) -> Self {
        Self { metadata, cluster, stores }
    }

    /// Goes on behind a blob until so many bytes were read; the last blob's slivers are read to their ends. What is bad becomes findings, and
    /// so repair jobs.
    ///
    /// # Errors
    /// When the database cannot be read or written. A backend that does not answer is passed over.
    pub async fn go_on(&self, after: Option<BlobId>, bytes_max: u64) -> Result<Scrubbed, MetadataError> {
        let unjudged = unjudged_backends(&self.metadata).await?;
        let until = self.metadata.database_time().await?;
        let (mut done, mut bad) = (Scrubbed { last: after, ..Scrubbed::default() }, Vec::new());
        for blob in self.metadata.blobs_after(after, until, PAGE).await? {
            for placement in blob.placements.iter().filter(|one| !unjudged.contains(&one.backend)) {
                let Some(condition) = self.look(&blob, placement).await else { continue };
                done.slivers += 1;
                done.bytes += blob.layout.sliver_len();
                if let Some(finding) = finding(&blob, placement, condition) {
                    bad.push((placement.clone(), finding));
                }
            }
            done.last = Some(blob.id);
            if done.bytes >= bytes_max {
                return self.record(done, bad).await;
            }
        }
        if done.last == after {
            done.last = None;
        }
        self.record(done, bad).await
    }

    /// Reads one sliver; none where it is elsewhere, or its backend does not answer.
    async fn look(&self, blob: &StoredBlob, placement: &Placement) -> Option<SliverCondition> {
        let store = self.stores.get(&placement.backend)?;
        let identity = blob.sliver_identity(self.cluster, placement.index);
        match examine(&**store, placement.attempt, identity, Some(placement.root)).await {
            SliverCondition::Unreachable(error) => {
                tracing::debug!(backend = %placement.backend, blob = %blob.id, %error, "a sliver could not be scrubbed");
                None
            }
            condition => Some(condition),
        }
    }

    /// Asks for repair of what is bad and still where it was: it may have been moved or deleted while it was read.
    async fn record(&self, mut done: Scrubbed, bad: Vec<(Placement, Finding)>) -> Result<Scrubbed, MetadataError> {
        let mut found = Vec::new();
        for (placement, finding) in bad {
            let is_expected = self.metadata.is_expected(&finding.blob).await?;
            let blob = self.metadata.blob_of_rows(&finding.blob).await?;
            if is_expected && blob.is_some_and(|blob| blob.placements.contains(&placement)) {
                tracing::warn!(
                    backend = %finding.backend, blob = %finding.blob, index = finding.index, kind = finding.kind,
                    "scrubbing found a bad sliver"
                );
                found.push(finding);
            } else {
                self.metadata.forget_blob(&finding.blob);
            }
        }
        done.bad = u64::try_from(found.len()).unwrap_or(u64::MAX);
        self.metadata.record_findings(found).await?;
        metrics::counter!("haulout_scrub_slivers_total").increment(done.slivers);
        metrics::counter!("haulout_scrub_bytes_total").increment(done.bytes);
        metrics::counter!("haulout_scrub_bad_slivers_total").increment(done.bad);
        Ok(done)
    }
}

fn finding(blob: &StoredBlob, placement: &Placement, condition: SliverCondition) -> Option<Finding> {
    let kind = match condition {
        SliverCondition::Missing => "missing",
        SliverCondition::Damaged { .. } => "damaged",
        SliverCondition::Intact | SliverCondition::Unreachable(_) => return None,
    };
    let (index, backend) = (placement.index, placement.backend.clone());
    Some(Finding { blob: blob.id, index, backend, kind: kind.to_owned() })
}
