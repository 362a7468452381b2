//! What placement rules come to here, and which slivers lie outside of them.

use codec::Scheme;

use crate::domain::{BackendId, Bucket, PlacementRule};
use crate::metadata::ContentPosition;
use crate::objects::Objects;
use crate::objects::error::ObjectsError;
use crate::objects::schemes::placement_rule;
use crate::placement::{Evaluation, admitted, evaluate};

/// Extents looked at in one step.
const EXTENTS_PER_STEP: usize = 1_000;

/// What a step of the walk through a bucket did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MisplacedStep {
    /// Blobs that were queued for repair because slivers of theirs lie outside the rule.
    pub enqueued: u64,
    /// Where the walk goes on; none at its end.
    pub next: Option<ContentPosition>,
}

impl Objects {
    /// What a rule comes to with the backends and schemes of this gateway.
    #[must_use]
    pub fn evaluate_placement(&self, rule: &PlacementRule) -> Evaluation {
        let mut schemes: Vec<Scheme> = Vec::new();
        for scheme in self.inner.schemes.all() {
            if !schemes.contains(&scheme) {
                schemes.push(scheme);
            }
        }
        evaluate(rule, &self.inner.committee.candidates(), &schemes)
    }

    /// Looks at some of a bucket's content and queues the blobs of which slivers lie outside the bucket's rule. Repair moves those, when
    /// nothing is endangered, and asks for the rules again then.
    ///
    /// # Errors
    /// `Internal` when the rule cannot be read, `Unavailable` when the database is unavailable.
    pub async fn enqueue_misplaced(
        &self,
        bucket: &Bucket,
        at: &ContentPosition,
    ) -> Result<MisplacedStep, ObjectsError> {
        let Some(rule) = placement_rule(bucket)? else { return Ok(MisplacedStep::default()) };
        let page = self.inner.metadata.walk_content(bucket.id, at, EXTENTS_PER_STEP).await?;
        // What a gateway cannot reach it cannot move; it is not said to be misplaced either.
        let outside = |id: &BackendId| {
            let backend = self.inner.committee.backend(id);
            backend.is_some_and(|backend| !admitted([&*rule], &backend.candidate()))
        };
        let misplaced = page.blobs.into_iter().filter(|(_, backends)| backends.iter().any(outside));
        let enqueued = self.inner.metadata.enqueue_misplaced(misplaced.map(|(blob, _)| blob).collect()).await?;
        Ok(MisplacedStep { enqueued, next: page.next })
    }
}
