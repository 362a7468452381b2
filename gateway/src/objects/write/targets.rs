//! Where the slivers of a new blob go, and how many must be durable before it is acknowledged.

use std::collections::VecDeque;
use std::sync::Arc;

use codec::BlobId;

use crate::domain::StoredBlob;
use crate::metadata::NewBlob;
use crate::objects::committee::{Backend, Committee};
use crate::objects::error::ObjectsError;
use crate::objects::schemes::BlobTerms;
use crate::placement::{WriteHealth, bar_outside, choose, write_floor};

/// The acknowledgement rule: all n, or at least the floor and marked degraded.
///
/// # Errors
/// `Unavailable` when fewer are durable.
pub(crate) fn acknowledge(blob: StoredBlob, quilt: bool) -> Result<NewBlob, ObjectsError> {
    let scheme = blob.layout.shape.scheme;
    let (durable, n, floor) = (blob.placements.len(), scheme.n(), write_floor(scheme));
    if durable < floor {
        return Err(ObjectsError::Unavailable(format!("{durable} of {n} slivers are durable and {floor} are needed")));
    }
    Ok(NewBlob { degraded: durable < n, quilt, blob })
}

/// The backends of a new blob.
pub(crate) struct PlacementTargets {
    /// `backends[i]` takes sliver `i`; fewer than n when backends are missing.
    pub(crate) backends: Vec<Arc<Backend>>,
    /// Backends that replace those that fail, the first one first.
    pub(crate) spares: VecDeque<Arc<Backend>>,
}

/// Chooses backends for a new blob: one for each sliver, and spares, all of them admitted by its placement rule.
///
/// Backends that do not answer are left out while the floor can be met without them; when it cannot, every backend
/// is tried again, because being refused now is no worse than refusing the client.
///
/// # Errors
/// `Unavailable` when there are too few even so.
pub(crate) fn choose_targets(
    committee: &Committee,
    terms: &BlobTerms,
    blob: &BlobId,
) -> Result<PlacementTargets, ObjectsError> {
    let BlobTerms { scheme, rule } = terms;
    let scheme = *scheme;
    let mut candidates = committee.candidates();
    bar_outside(&mut candidates, rule.as_deref());
    let choice = choose(&candidates, scheme, blob).or_else(|_| {
        let usable = candidates.iter_mut().filter(|candidate| candidate.write_health != WriteHealth::Barred);
        usable.for_each(|candidate| candidate.write_health = WriteHealth::Good);
        choose(&candidates, scheme, blob)
    });
    let choice = choice.map_err(|error| ObjectsError::Unavailable(error.to_string()))?;
    let backend = |at: usize| Arc::clone(&committee.backends()[at]);
    let backends = choice.chosen.into_iter().map(backend).collect();
    Ok(PlacementTargets { backends, spares: choice.spares.into_iter().map(backend).collect() })
}
