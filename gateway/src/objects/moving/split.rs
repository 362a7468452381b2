//! A blob that several buckets share whose placement rules no set of backends can meet together: what lives in it is divided.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use codec::BlobId;

use crate::domain::PlacementRule;
use crate::metadata::{OwnedExtent, SparseBlob};
use crate::objects::Objects;
use crate::objects::error::ObjectsError;
use crate::objects::schemes::BlobTerms;

impl Objects {
    /// Moves what lives under all rules but one to blobs of its own, each with slivers where its rule wants them. What lives under the rule
    /// with the most bytes stays, and so does what lives under none. Whether anything moved.
    ///
    /// # Errors
    /// `Unavailable` when too few backends answer, or a rule alone cannot be met now; what was moved by then stays moved.
    pub(crate) async fn split_blob(&self, id: BlobId) -> Result<bool, ObjectsError> {
        if self.rollback_hold().await?.is_some() {
            return Ok(false);
        }
        let Some(sparse) = self.inner.metadata.living_in(id).await? else { return Ok(false) };
        let rules = self.inner.metadata.placement_rules_of_owners(&[id]).await?;
        let layout = sparse.blob.layout;
        let mut moved = false;
        for (rule, extents) in leaving(&sparse.extents, |owned| rules.get(&owned.owner)) {
            let part = SparseBlob { blob: sparse.blob.clone(), extents };
            moved |= if layout.content_len <= self.inner.settings.objects.quilt_bytes_max {
                let terms = BlobTerms { scheme: layout.shape.scheme, rule: Some(rule) };
                !self.rewrite_together(&[part], &terms).await?.is_empty()
            } else {
                self.empty_blob(&part, &AtomicBool::new(false)).await?
            };
        }
        tracing::info!(blob = %id, moved, "content under different placement rules no longer shares a blob");
        Ok(moved)
    }
}

/// What leaves, by rule: all that has one but for the rule with the most bytes.
fn leaving<'a>(
    extents: &[OwnedExtent],
    rule_of: impl Fn(&OwnedExtent) -> Option<&'a Arc<PlacementRule>>,
) -> Vec<(Arc<PlacementRule>, Vec<OwnedExtent>)> {
    let mut groups: Vec<(Arc<PlacementRule>, Vec<OwnedExtent>)> = Vec::new();
    for owned in extents {
        let Some(rule) = rule_of(owned) else { continue };
        match groups.iter_mut().find(|(other, _)| other == rule) {
            Some((_, group)) => group.push(*owned),
            None => groups.push((Arc::clone(rule), vec![*owned])),
        }
    }
    groups.sort_by_key(|(_, group)| group.iter().map(|owned| owned.extent.length).sum::<u64>());
    groups.pop();
    groups
}
