//! What draining a backend comes to, before it is begun.
//!
//! A drain itself is the backend's state in the database: placement passes the backend over, and repair finds that its slivers are
//! leaving. So it goes on after a crash, on any gateway, and ends when it is cancelled or nothing is there any more.

use std::collections::BTreeSet;

use codec::{BlobId, Scheme};

use crate::domain::{BackendId, StoredBlob};
use crate::objects::Objects;
use crate::objects::error::ObjectsError;
use crate::placement::{Candidate, SliverFact, WriteHealth, plan_repair};

/// Blobs looked at with one query.
const PAGE: usize = 1_000;

/// What would be moved off a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainPlan {
    /// Slivers to move.
    pub slivers: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Slivers, also of other backends that are leaving, for which no backend is in failure domains of its own: they would stay.
    pub unplaceable: u64,
    /// A configured scheme whose new blobs would find fewer providers than it has slivers, with the number of these.
    pub too_few_for: Option<(Scheme, usize)>,
}

impl Objects {
    /// Plans the drain of a backend as if every other one were well. Reads the rows of all its slivers; changes nothing.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn plan_drain(&self, backend: &BackendId) -> Result<DrainPlan, ObjectsError> {
        let mut candidates = self.inner.committee.candidates();
        for candidate in &mut candidates {
            let leaves = candidate.name == backend.as_str() || candidate.write_health == WriteHealth::Barred;
            candidate.write_health = if leaves { WriteHealth::Barred } else { WriteHealth::Good };
        }
        let staying = candidates.iter().filter(|candidate| candidate.write_health == WriteHealth::Good);
        let providers: BTreeSet<_> = staying.map(|candidate| candidate.domains.provider).collect();
        let too_few = self.inner.schemes.all().find(|scheme| scheme.n() > providers.len());
        let too_few_for = too_few.map(|scheme| (scheme, providers.len()));
        let mut plan = DrainPlan { too_few_for, ..DrainPlan::default() };
        let mut after: Option<BlobId> = None;
        loop {
            let page = self.inner.metadata.blobs_on(backend, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(plan) };
            after = Some(last.id);
            for blob in &page {
                self.add_moves(&mut plan, blob, backend, &candidates);
            }
        }
    }

    fn add_moves(&self, plan: &mut DrainPlan, blob: &StoredBlob, backend: &BackendId, candidates: &[Candidate<'_>]) {
        let n = u8::try_from(blob.layout.shape.scheme.n()).unwrap_or(u8::MAX);
        let facts: Vec<_> = (0..n).map(|index| self.assumed(blob, index, backend)).collect();
        let leaving = blob.placements.iter().filter(|placement| placement.backend == *backend).count() as u64;
        let moves = plan_repair(&facts, blob.layout.shape.scheme, candidates, &blob.id);
        let is_leaving = |index: &u8| matches!(facts.get(usize::from(*index)), Some(SliverFact::Leaving(_)));
        let stay = moves.unplaced.iter().filter(|index| is_leaving(index)).count() as u64;
        plan.slivers += leaving;
        plan.bytes += leaving.saturating_mul(blob.layout.sliver_len());
        plan.unplaceable += if moves.unreadable { leaving } else { stay };
    }

    /// What repair would find of a sliver if every other backend were well.
    fn assumed(&self, blob: &StoredBlob, index: u8, leaving: &BackendId) -> SliverFact<'_> {
        let Some(placement) = blob.placements.iter().find(|placement| placement.index == index) else {
            return SliverFact::Lost;
        };
        match self.inner.committee.backend(&placement.backend) {
            Some(other) if other.trust().is_removed() || other.trust().is_lost() => SliverFact::Lost,
            Some(other) if other.id == *leaving || other.trust().is_draining() => SliverFact::Leaving(other.domains()),
            Some(other) => SliverFact::Good(other.domains()),
            None => SliverFact::Lost,
        }
    }
}
