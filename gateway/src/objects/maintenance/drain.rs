//! What draining a backend comes to, before it is begun.
//!
//! A drain itself is the backend's state in the database: placement passes the backend over, and repair finds that its slivers are
//! leaving. So it goes on after a crash, on any gateway, and ends when it is cancelled or nothing is there any more.

use std::collections::BTreeSet;

use codec::{BlobId, Scheme};

use crate::domain::{BackendId, BucketName, StoredBlob};
use crate::objects::Objects;
use crate::objects::error::ObjectsError;
use crate::placement::{Candidate, SliverFact, WriteHealth, bar_outside, plan_repair, refusal};

/// Blobs looked at with one query.
const PAGE: usize = 1_000;

/// Distinct placement rules looked at: an operator writes them by hand.
const RULES_MAX: usize = 1_000;

/// What would be moved off a backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrainPlan {
    /// Slivers to move.
    pub slivers: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that are read for it: each sliver once, where it is.
    pub read_bytes: u64,
    /// Bytes that are read if the slivers are lost: as many others of each blob as it takes to read it.
    pub rebuild_read_bytes: u64,
    /// Slivers, also of other backends that are leaving, for which no backend is in failure domains of its own: they would stay.
    pub unplaceable: u64,
    /// A configured scheme whose new blobs would find fewer providers than it has slivers, with the number of these.
    pub too_few_for: Option<(Scheme, usize)>,
    /// A bucket whose placement rule admits this backend, and fewer providers than a scheme has slivers without it.
    pub too_few_in: Option<(BucketName, Scheme, usize)>,
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
        let too_few_in = self.too_few_in(backend, &candidates).await?;
        let mut plan = DrainPlan { too_few_for, too_few_in, ..DrainPlan::default() };
        let mut after: Option<BlobId> = None;
        loop {
            let page = self.inner.metadata.blobs_on(backend, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(plan) };
            after = Some(last.id);
            let ids: Vec<BlobId> = page.iter().map(|blob| blob.id).collect();
            let rules = self.inner.metadata.placement_rules_over(&ids).await?;
            for blob in &page {
                let mut candidates = candidates.clone();
                bar_outside(&mut candidates, rules.get(&blob.id).into_iter().flatten().map(|rule| &**rule));
                self.add_moves(&mut plan, blob, backend, &candidates);
            }
        }
    }

    /// A bucket whose rule admits the backend and would be met by too few providers without it.
    async fn too_few_in(
        &self,
        backend: &BackendId,
        candidates: &[Candidate<'_>],
    ) -> Result<Option<(BucketName, Scheme, usize)>, ObjectsError> {
        for (bucket, rule) in self.inner.metadata.placement_rules(RULES_MAX).await? {
            let admitted = || candidates.iter().filter(|one| refusal(&rule, one).is_none());
            let providers = |stays: &dyn Fn(&Candidate<'_>) -> bool| {
                let staying = admitted().filter(|one| stays(one));
                staying.map(|one| one.domains.provider).collect::<BTreeSet<_>>().len()
            };
            let without = providers(&|one| one.write_health == WriteHealth::Good);
            let with = providers(&|one| one.write_health == WriteHealth::Good || one.name == backend.as_str());
            let too_few = self.inner.schemes.all().find(|scheme| without < with && without < scheme.n());
            if let Some(scheme) = too_few {
                return Ok(Some((bucket, scheme, without)));
            }
        }
        Ok(None)
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
        plan.read_bytes = plan.read_bytes.saturating_add(leaving.saturating_mul(blob.layout.sliver_len()));
        let others = if leaving > 0 { blob.layout.shape.scheme.k() as u64 } else { 0 };
        plan.rebuild_read_bytes += others.saturating_mul(blob.layout.sliver_len());
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
