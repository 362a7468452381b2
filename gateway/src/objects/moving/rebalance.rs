//! Rebalancing: every blob goes where it would be written today, by the weights and the backends there are now.
//!
//! A rebalance is a row in the database. While it is there, a walk asks for the blobs that lie elsewhere, behind everything that is endangered or
//! leaves, and repair moves what its plan (`placement/rebalance.rs`) says. So it goes on after a crash, on any gateway, and a cancelled one
//! needs nothing undone.

use std::collections::{BTreeMap, HashMap};

use codec::BlobId;
use serde::{Deserialize, Serialize};

use crate::domain::{PlacementRule, StoredBlob};
use crate::metadata::MetadataError;
use crate::objects::Objects;
use crate::objects::error::{ObjectsError, fail_at};
use crate::placement::{Candidate, RebalancePlan, RepairPlan, SliverFact, WriteHealth, bar_outside, plan_rebalance};

/// Blobs looked at in one step.
const PAGE: usize = 1_000;

/// What comes to a backend and what goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendFlow {
    /// Slivers that it gets.
    pub in_slivers: u64,
    /// Their bytes.
    pub in_bytes: u64,
    /// Slivers that it gives.
    pub out_slivers: u64,
    /// Their bytes.
    pub out_bytes: u64,
}

/// What a rebalance would move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RebalanceTotals {
    /// Blobs that would be touched.
    pub blobs: u64,
    /// Slivers that would move.
    pub slivers: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that are read for it: each sliver once, where it is.
    pub read_bytes: u64,
    /// The flows, by backend.
    pub flows: BTreeMap<String, BackendFlow>,
}

/// A step of the walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RebalanceStep {
    /// Blobs that were asked for.
    pub enqueued: u64,
    /// Where it goes on; none at its end.
    pub next: Option<BlobId>,
}

impl Objects {
    /// What a rebalance would move if every backend were well. Reads the rows of all slivers; changes nothing.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn plan_rebalance(&self) -> Result<RebalanceTotals, ObjectsError> {
        let mut candidates = self.inner.committee.candidates();
        let members = candidates.iter_mut().filter(|one| one.write_health != WriteHealth::Barred);
        members.for_each(|one| one.write_health = WriteHealth::Good);
        let positions = positions(&candidates);
        let mut totals = RebalanceTotals::default();
        let mut after = None;
        loop {
            let page = self.inner.metadata.live_blobs(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(totals) };
            after = Some(last.id);
            let plans = self.plans(&page, &candidates, &positions).await?;
            for (blob, plan) in page.iter().zip(plans).filter(|(_, plan)| !plan.moves.is_empty()) {
                add(&mut totals, blob, &plan, &candidates);
            }
        }
    }

    /// Looks at some blobs and asks for those that lie elsewhere than the weights want them.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn enqueue_rebalance(&self, after: Option<BlobId>) -> Result<RebalanceStep, ObjectsError> {
        let candidates = self.inner.committee.candidates();
        let positions = positions(&candidates);
        let mut page = self.inner.metadata.live_blobs(after, PAGE).await?;
        let next = page.last().filter(|_| page.len() == PAGE).map(|blob| blob.id);
        let plans = self.plans(&page, &candidates, &positions).await?;
        let mut plans = plans.into_iter();
        page.retain(|_| plans.next().is_some_and(|plan| plan != RebalancePlan::default()));
        let enqueued = self.inner.metadata.enqueue_rebalance(&page).await?;
        fail_at("rebalance-enqueued")?;
        Ok(RebalanceStep { enqueued, next })
    }

    async fn plans(
        &self,
        page: &[StoredBlob],
        candidates: &[Candidate<'_>],
        positions: &HashMap<&str, usize>,
    ) -> Result<Vec<RebalancePlan>, MetadataError> {
        let ids: Vec<BlobId> = page.iter().map(|blob| blob.id).collect();
        let rules = self.inner.metadata.placement_rules_over(&ids).await?;
        let plan = |blob: &StoredBlob| {
            let mut admitted = candidates.to_vec();
            bar_outside(
                &mut admitted,
                rules.get(&blob.id).into_iter().flatten().map(|rule: &std::sync::Arc<PlacementRule>| &**rule),
            );
            plan_of(blob, &admitted, positions)
        };
        Ok(page.iter().map(plan).collect())
    }

    /// What a whole blob moves because of a rebalance; nothing while there is none, or something else is to be done for the blob.
    pub(crate) async fn rebalance_of(
        &self,
        blob: &StoredBlob,
        facts: &[SliverFact<'_>],
        plan: &RepairPlan,
        candidates: &[Candidate<'_>],
    ) -> Result<RebalancePlan, ObjectsError> {
        let whole = facts.iter().all(|fact| matches!(fact, SliverFact::Good(_)));
        if !whole || !plan.completes() || !plan.rebuilds.is_empty() {
            return Ok(RebalancePlan::default());
        }
        if self.inner.metadata.rebalance().await?.is_none() {
            return Ok(RebalancePlan::default());
        }
        Ok(plan_of(blob, candidates, &positions(candidates)))
    }
}

fn positions<'a>(candidates: &[Candidate<'a>]) -> HashMap<&'a str, usize> {
    candidates.iter().enumerate().map(|(at, candidate)| (candidate.name, at)).collect()
}

/// The plan of one blob; nothing for one with a sliver on a backend that is not configured here, or that leaves: that is moved anyway.
fn plan_of(blob: &StoredBlob, candidates: &[Candidate<'_>], positions: &HashMap<&str, usize>) -> RebalancePlan {
    let scheme = blob.layout.shape.scheme;
    let n = u8::try_from(scheme.n()).unwrap_or(u8::MAX);
    let position = |index: u8| {
        let placement = blob.placements.iter().find(|placement| placement.index == index)?;
        let at = *positions.get(placement.backend.as_str())?;
        (candidates[at].write_health != WriteHealth::Barred).then_some(at)
    };
    let held: Option<Vec<usize>> = (0..n).map(position).collect();
    held.map_or_else(RebalancePlan::default, |held| plan_rebalance(&held, scheme, candidates, &blob.id))
}

fn add(totals: &mut RebalanceTotals, blob: &StoredBlob, plan: &RebalancePlan, candidates: &[Candidate<'_>]) {
    let len = blob.layout.sliver_len();
    totals.blobs += 1;
    totals.read_bytes = totals.read_bytes.saturating_add(len.saturating_mul(plan.moves.len() as u64));
    for one in &plan.moves {
        totals.slivers += 1;
        totals.bytes = totals.bytes.saturating_add(len);
        let to = totals.flows.entry(candidates[one.target].name.to_owned()).or_default();
        to.in_slivers += 1;
        to.in_bytes = to.in_bytes.saturating_add(len);
        let from = blob.placements.iter().find(|placement| placement.index == one.index);
        let Some(from) = from else { continue };
        let from = totals.flows.entry(from.backend.to_string()).or_default();
        from.out_slivers += 1;
        from.out_bytes = from.out_bytes.saturating_add(len);
    }
}
