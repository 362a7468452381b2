//! Repair: lost slivers are rebuilt on other backends from any k others, and so are those of backends that leave or that a placement rule does
//! not admit. Whatever is endangered or lost, a new sliver goes only where the rules of its blob allow.
//!
//! Check every sliver, plan (`placement::repair`), apply the plan (`moving/carry_out.rs`). Each step may be repeated or lost: a new
//! sliver has a name of its own, is read back and proven before its row moves, and the old one goes after that.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backends::{SliverCondition, examine};
use codec::BlobId;
use futures::StreamExt as _;
use tokio::time::Instant;

use crate::domain::{BackendId, Placement, PlacementRule, RepairRank, StoredBlob};
use crate::metadata::{BackendRow, RepairEnd, RepairJob};
use crate::objects::Objects;
use crate::objects::committee::Backend;
use crate::objects::error::{ObjectsError, fail_at};
use crate::placement::{
    Candidate, FailureDomains, RebalancePlan, SliverFact, WriteHealth, admitted, bar_outside,
    plan_repair_with_successors,
};

/// Jobs claimed at a time.
const JOBS_PER_STEP: usize = 8;

/// Blobs repaired side by side: while one waits for its slivers to be synced, another is read. What they hold comes from the
/// budget of writes.
const REPAIRS_AHEAD: usize = 4;

/// How long claimed jobs are left to this gateway, in seconds: so long they wait when it is killed. Whoever works on them renews the claims.
const LEASE_SECONDS: i64 = 60;

/// How often it renews them. Two times may fail before others take over.
const RENEW_AFTER: Duration = Duration::from_secs(LEASE_SECONDS.unsigned_abs() / 3);

/// The first pause before a job is tried again, in seconds; it doubles up to the last.
const RETRY_SECONDS: (i64, i64) = (4, 600);

impl Objects {
    /// Repairs a few blobs, the most endangered first. Returns how many were looked at; zero means there is no more to do
    /// now.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable. What one blob's repair meets is logged, and the blob tried again later.
    pub async fn repair(&self) -> Result<usize, ObjectsError> {
        // What moves waits until what was moved before has had its time, what is endangered only for what was rebuilt, and what the next
        // loss would end for nothing. Where the endangered wait, moves do not overtake them.
        let (metadata, move_is_free) = (&self.inner.metadata, self.inner.move_pace.is_free());
        let jobs = match self.inner.rebuild_pace.is_free() {
            true if move_is_free => metadata.claim_repairs(JOBS_PER_STEP, LEASE_SECONDS).await?,
            true => metadata.claim_endangered(JOBS_PER_STEP, LEASE_SECONDS).await?,
            false => metadata.claim_last(JOBS_PER_STEP, LEASE_SECONDS).await?,
        };
        let claimed = jobs.len();
        if claimed > 0 {
            fail_at("repair-claimed")?;
        }
        let open = Mutex::new(jobs.iter().map(|job| job.blob.id).collect());
        let repairing = futures::stream::iter(jobs)
            .map(|job| self.repair_and_end(job, &open))
            .buffer_unordered(REPAIRS_AHEAD)
            .collect::<Vec<_>>();
        let ended: Vec<Result<(), ObjectsError>> = tokio::select! {
            ended = repairing => ended,
            never = self.keep_claims(&open) => match never {},
        };
        ended.into_iter().collect::<Result<(), _>>()?;
        Ok(claimed)
    }

    /// Keeps the claims of the jobs that are open, for as long as it is polled.
    async fn keep_claims(&self, open: &Mutex<BTreeSet<BlobId>>) -> Infallible {
        loop {
            tokio::time::sleep(RENEW_AFTER).await;
            let blobs = open.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
            if let Err(error) = self.inner.metadata.renew_repairs(blobs, LEASE_SECONDS).await {
                tracing::debug!(%error, "the claims of repairs could not be renewed");
            }
        }
    }

    /// Repairs one blob and records the result.
    async fn repair_and_end(&self, job: RepairJob, open: &Mutex<BTreeSet<BlobId>>) -> Result<(), ObjectsError> {
        let (id, claimed_at) = (job.blob.id, job.claimed_at);
        let doublings = job.attempts.min(20);
        let retry_after_seconds = (RETRY_SECONDS.0 << doublings).min(RETRY_SECONDS.1);
        let begun = Instant::now();
        let repaired = self.repair_blob(job).await;
        let worked = begun.elapsed();
        // From here on its row says when it is tried again.
        open.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        let end = match repaired {
            Ok((complete, rank)) => RepairEnd { complete, retry_after_seconds, rank: Some(rank) },
            Err(error) => {
                metrics::counter!("haulout_repair_failures_total").increment(1);
                tracing::warn!(blob = %id, %error, "repair of a blob failed and will be retried");
                RepairEnd { complete: false, retry_after_seconds, rank: None }
            }
        };
        self.inner.metadata.end_repair(id, claimed_at, end).await?;
        fail_at("repair-ended")?;
        let pause = self.inner.repair_pace.pause(worked, REPAIRS_AHEAD, self.inner.read_epochs.are_under_way());
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// Repairs one blob: whether nothing is left to do, and its rank now.
    async fn repair_blob(&self, job: RepairJob) -> Result<(bool, RepairRank), ObjectsError> {
        let inner = &self.inner;
        let scheme = job.blob.layout.shape.scheme;
        let (rows, removed) = (inner.metadata.backends().await?, inner.metadata.removed_backends().await?);
        // From the database, as what was removed: a gateway that does not know of a drain yet would end the jobs that it asks for.
        let mut draining = inner.metadata.leaving_backends().await?;
        let successors = self.known_successors().await?;
        draining.extend(successors.keys().cloned());
        let absences = inner.metadata.absences().await?.into_iter();
        let lost = absences.filter(|(_, absence)| absence.lost).map(|(backend, _)| backend).collect();
        let rules = inner.metadata.placement_rules_over(&[job.blob.id]).await?.remove(&job.blob.id).unwrap_or_default();
        let leaving = Leaving { removed, lost, draining, rules };
        let facts = self.look(&job, &rows, &leaving).await;
        let mut candidates = inner.committee.candidates();
        let takes_none = |name: &str| leaving.draining.iter().chain(&leaving.lost).any(|id| id.as_str() == name);
        let barred = candidates.iter_mut().filter(|candidate| takes_none(candidate.name));
        barred.for_each(|candidate| candidate.write_health = WriteHealth::Barred);
        bar_outside(&mut candidates, leaving.rules.iter().map(|rule| &**rule));
        let successors = self.successors_of(&job.blob, &successors);
        let mut plan = plan_repair_with_successors(&facts, scheme, &candidates, &job.blob.id, &successors);
        let balance = self.rebalance_of(&job.blob, &facts, &plan, &candidates).await?;
        plan.rebuilds.extend(&balance.moves);
        let good = facts.iter().filter(|fact| fact.is_sound()).count();
        if plan.unreadable {
            tracing::error!(blob = %job.blob.id, good, needed = scheme.k(), "too few slivers answer to repair a blob");
        }
        let moved = self.carry_out(&job.blob, &facts, &plan).await?;
        if !plan.unplaced.is_empty() && leaving.rules.len() > 1 && providers(&candidates) < scheme.n() {
            self.split_blob(job.blob.id).await?;
        }
        let is_new = |index: &&u8| facts.get(usize::from(**index)).is_some_and(|fact| !fact.is_sound());
        let rebuilt = moved.iter().filter(is_new).count();
        if rebuilt > 0 {
            // k are read for them.
            inner.rebuild_pace.took(job.blob.layout.sliver_len().saturating_mul((scheme.k() + rebuilt) as u64));
        }
        let living = good + rebuilt;
        inner.repair_meter.record(moved.len(), job.blob.layout.sliver_len());
        let rank = match RepairRank::of(scheme, living) {
            RepairRank::Whole if balance != RebalancePlan::default() => RepairRank::Unbalanced,
            rank => rank,
        };
        if rank >= RepairRank::Whole {
            inner.move_pace.took(job.blob.layout.sliver_len().saturating_mul(moved.len() as u64));
        }
        Ok((plan.completes() && balance.later == 0 && moved.len() == plan.rebuilds.len(), rank))
    }

    /// What is known of each sliver of a blob.
    async fn look<'a>(&'a self, job: &RepairJob, rows: &'a [BackendRow], leaving: &Leaving) -> Vec<SliverFact<'a>> {
        let n = u8::try_from(job.blob.layout.shape.scheme.n()).unwrap_or(u8::MAX);
        let looks = (0..n).map(|index| async move {
            let Some(placement) = job.blob.placements.iter().find(|placement| placement.index == index) else {
                return SliverFact::Lost;
            };
            if leaving.removed.contains(&placement.backend) {
                return SliverFact::Lost;
            }
            let Some(backend) = self.inner.committee.backend(&placement.backend) else {
                // It belongs to the cluster, and this gateway cannot look.
                let row = rows.iter().find(|row| row.id == placement.backend);
                return row.map_or(SliverFact::Lost, |row| SliverFact::Unreachable(row_domains(row)));
            };
            let suspect = job.suspects.contains(&(index, placement.backend.clone()));
            match self.examine(&job.blob, placement, backend, suspect).await {
                SliverCondition::Intact if leaving.includes(backend) => SliverFact::Leaving(backend.domains()),
                SliverCondition::Intact => SliverFact::Good(backend.domains()),
                // What a backend lacks that was rolled back or swapped is not lost before an operator confirms it.
                SliverCondition::Missing if backend.trust().is_doubted() => SliverFact::Unreachable(backend.domains()),
                SliverCondition::Missing | SliverCondition::Damaged { .. } => SliverFact::Lost,
                SliverCondition::Unreachable(_) if leaving.lost.contains(&backend.id) => SliverFact::Lost,
                SliverCondition::Unreachable(error) => {
                    tracing::debug!(backend = %backend.id, blob = %job.blob.id, %error, "a sliver cannot be checked now");
                    SliverFact::Unreachable(backend.domains())
                }
            }
        });
        futures::future::join_all(looks).await
    }

    /// Looks at one sliver, and at all of its bytes when it is to be `proven`.
    pub(crate) async fn examine(
        &self,
        blob: &StoredBlob,
        placement: &Placement,
        backend: &Backend,
        proven: bool,
    ) -> SliverCondition {
        let identity = blob.sliver_identity(self.inner.id_generator.cluster, placement.index);
        examine(&*backend.store, placement.attempt, identity, proven.then_some(placement.root)).await
    }
}

/// Backends that left the cluster or are to, as the database says now, and those that the rules of a blob do not admit.
struct Leaving {
    removed: BTreeSet<BackendId>,
    /// Away for so long that what they hold counts as lost, unless they answer.
    lost: BTreeSet<BackendId>,
    draining: BTreeSet<BackendId>,
    rules: Vec<Arc<PlacementRule>>,
}

impl Leaving {
    /// What is there counts, and is to be rebuilt elsewhere.
    fn includes(&self, backend: &Backend) -> bool {
        self.draining.contains(&backend.id) || !admitted(self.rules.iter().map(|rule| &**rule), &backend.candidate())
    }
}

/// Distinct providers that may take slivers, in trouble or not.
fn providers(candidates: &[Candidate<'_>]) -> usize {
    let usable = candidates.iter().filter(|candidate| candidate.write_health != WriteHealth::Barred);
    usable.map(|candidate| candidate.domains.provider).collect::<BTreeSet<_>>().len()
}

fn row_domains(row: &BackendRow) -> FailureDomains<'_> {
    FailureDomains { provider: &row.provider, zone: &row.zone, ..FailureDomains::default() }
}
