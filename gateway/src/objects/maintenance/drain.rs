//! What draining a backend comes to, before it is begun.
//!
//! A drain itself is the backend's state in the database: placement passes the backend over, and repair finds that its slivers are
//! leaving. So it goes on after a crash, on any gateway, and ends when it is cancelled or nothing is there any more.

use codec::BlobId;

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
    /// Slivers for which no other backend is in failure domains of its own: they would stay.
    pub unplaceable: u64,
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
        let mut plan = DrainPlan::default();
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
        let leaving = facts.iter().filter(|fact| matches!(fact, SliverFact::Leaving)).count() as u64;
        let moves = plan_repair(&facts, blob.layout.shape.scheme, candidates, &blob.id);
        let is_leaving = |index: &u8| matches!(facts.get(usize::from(*index)), Some(SliverFact::Leaving));
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
            _ if placement.backend == *leaving => SliverFact::Leaving,
            Some(other) => SliverFact::Good(other.domains()),
            None => SliverFact::Lost,
        }
    }
}
