//! Puts the slivers of a quilt on their backends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backends::{SliverName, StoreError};
use codec::{EncodedBlob, EncodedSliver};

use crate::domain::{Placement, StoredBlob};
use crate::metadata::NewBlob;
use crate::objects::committee::{Backend, Committee};
use crate::objects::error::ObjectsError;
use crate::objects::id_generator::IdGenerator;
use crate::objects::schemes::BlobTerms;
use crate::objects::write::stragglers::all_but_stragglers;
use crate::objects::write::targets::{PlacementTargets, acknowledge, choose_targets};
use crate::objects::write::uncommitted::UncommittedSlivers;
use crate::placement::write_floor;

/// How much longer than the others one backend may take for a quilt's sliver before the write goes on without it.
const STRAGGLER_WAIT: Duration = Duration::from_secs(5);

/// Puts every sliver of a quilt, which is whole in memory; a backend that fails is replaced by a spare at once, one that
/// lags behind the others by a spare a little later.
///
/// # Errors
/// `Unavailable` when fewer slivers are durable than the floor; what was put is removed.
pub(crate) async fn publish(
    committee: &Committee,
    id_generator: &IdGenerator,
    terms: &BlobTerms,
    mut blob: StoredBlob,
    encoded: EncodedBlob,
) -> Result<(NewBlob, UncommittedSlivers), ObjectsError> {
    let scheme = terms.scheme;
    let PlacementTargets { backends, spares } = choose_targets(committee, terms, &blob.id)?;
    let publish = Publish { id_generator, spares: Mutex::new(spares), uncommitted: Mutex::default() };
    let firsts = encoded.slivers.iter().enumerate().map(|(at, sliver)| {
        let target = backends.get(at).cloned();
        publish.put(blob.id, at, sliver, target)
    });
    let floor = write_floor(scheme);
    let firsts = all_but_stragglers(firsts, floor, STRAGGLER_WAIT, Option::is_some).await;
    let mut late = Vec::new();
    for (at, outcome) in firsts.into_iter().enumerate() {
        match outcome {
            Some(placement) => blob.placements.extend(placement),
            None => late.push(at),
        }
    }
    for at in late {
        if let Some(backend) = backends.get(at) {
            backend.write_failed(&StoreError::TimedOut);
        }
        let spare = publish.spare();
        blob.placements.extend(publish.put(blob.id, at, &encoded.slivers[at], spare).await);
    }
    blob.placements.sort_unstable_by_key(|placement| placement.index);
    let uncommitted = publish.uncommitted.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((acknowledge(blob, true)?, uncommitted))
}

/// The slivers of one blob being put.
struct Publish<'a> {
    id_generator: &'a IdGenerator,
    spares: Mutex<VecDeque<Arc<Backend>>>,
    uncommitted: Mutex<UncommittedSlivers>,
}

impl Publish<'_> {
    /// Puts one sliver to its target, or to the next spare when that fails, until one has it.
    async fn put(
        &self,
        blob: codec::BlobId,
        at: usize,
        sliver: &EncodedSliver,
        mut target: Option<Arc<Backend>>,
    ) -> Option<Placement> {
        let index = u8::try_from(at).unwrap_or(u8::MAX);
        while let Some(backend) = target {
            let name = SliverName { blob, index, attempt: self.id_generator.attempt() };
            self.uncommitted.lock().unwrap_or_else(PoisonError::into_inner).add(&backend, name);
            match backend.store.put(&name, sliver.parts.clone()).await {
                Ok(()) => {
                    let (backend, attempt, root) = (backend.id.clone(), name.attempt, sliver.root);
                    return Some(Placement { index, backend, attempt, root });
                }
                Err(error) => backend.write_failed(&error),
            }
            target = self.spare();
        }
        None
    }

    fn spare(&self) -> Option<Arc<Backend>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
