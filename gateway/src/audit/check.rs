//! `haulout check`: metadata against backends, and with `deep` against every byte.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use backends::{SliverCondition, SliverEntry, SliverName, SliverStore, StoreError, examine};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::audit::report::{BackendReport, CheckReport};
use crate::audit::unjudged::unjudged_backends;
use crate::domain::{BackendId, Placement, StoredBlob};
use crate::metadata::{Finding, IncarnationState, MetadataError, MetadataStore};

/// Rows read in one query.
const PAGE: usize = 512;

/// Slivers looked at side by side.
const AHEAD: usize = 8;

/// Times a blob is looked at, if its slivers move meanwhile.
const LOOKS_MAX: usize = 4;

/// The configured backends, open.
pub type Stores = BTreeMap<BackendId, Arc<dyn SliverStore>>;

/// How much a check does.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// Read every byte, not only names and lengths.
    pub deep: bool,
    /// Have what is missing or wrong rebuilt.
    pub repair: bool,
}

/// Compares everything the database expects with what the backends hold.
///
/// # Errors
/// When the database cannot be read; a backend that cannot be is part of the report.
pub async fn check(
    metadata: &MetadataStore,
    stores: &Stores,
    cluster: codec::ClusterId,
    how: How,
) -> Result<CheckReport, MetadataError> {
    let mut check = Check {
        metadata,
        stores,
        cluster,
        how,
        unjudged: BTreeSet::new(),
        reports: stores.keys().map(|backend| (backend.to_string(), empty(backend))).collect(),
        report: CheckReport { deep: how.deep, ..CheckReport::default() },
    };
    check.probe().await;
    check.unjudged = unjudged_backends(metadata).await?;
    check.expected().await?;
    check.unexpected().await?;
    let mut report = check.report;
    report.metadata = metadata.audit_counters().await?;
    report.backends = check.reports.into_values().collect();
    report.backends.sort_by(|a, b| a.backend.cmp(&b.backend));
    Ok(report)
}

fn empty(backend: &BackendId) -> BackendReport {
    BackendReport { backend: backend.to_string(), ..BackendReport::default() }
}

/// A check under way.
struct Check<'a> {
    metadata: &'a MetadataStore,
    stores: &'a Stores,
    cluster: codec::ClusterId,
    how: How,
    /// An operator must look at them first.
    unjudged: BTreeSet<BackendId>,
    reports: HashMap<String, BackendReport>,
    report: CheckReport,
}

/// The result for one sliver.
enum Verdict {
    Good,
    Missing(String),
    Wrong(String),
    /// It may be there.
    OutOfReach(String),
}

impl Verdict {
    /// What findings call it; none if nothing is known to be lost.
    fn loss(&self) -> Option<&'static str> {
        match self {
            Self::Good | Self::OutOfReach(_) => None,
            Self::Missing(_) => Some("missing"),
            Self::Wrong(_) => Some("damaged"),
        }
    }
}

impl Check<'_> {
    /// Probes every backend: reachable, and the right one?
    async fn probe(&mut self) {
        for (backend, store) in self.stores {
            if let Err(error) = store.probe().await
                && !matches!(error, StoreError::Full)
                && let Some(report) = self.reports.get_mut(backend.as_str())
            {
                report.unreachable = Some(error.to_string());
            }
        }
    }

    /// Checks every sliver of every blob.
    async fn expected(&mut self) -> Result<(), MetadataError> {
        // Newer blobs come behind all others, and may come faster than they are looked at.
        let (until, mut after) = (self.metadata.database_time().await?, None);
        loop {
            let blobs = self.metadata.blobs_after(after, until, PAGE).await?;
            let Some(last) = blobs.last() else { return Ok(()) };
            after = Some(last.id);
            let (stores, cluster, deep) = (self.stores, self.cluster, self.how.deep);
            let verdicts: Vec<_> = futures::stream::iter(blobs)
                .map(|blob| async move {
                    let verdicts = look_at_blob(stores, cluster, deep, &blob).await;
                    (blob, verdicts)
                })
                .buffered(AHEAD)
                .collect()
                .await;
            let mut lost = Vec::new();
            for (blob, verdicts) in verdicts {
                if let Some((blob, verdicts)) = self.confirmed(blob, verdicts).await? {
                    lost.extend(self.losses(&blob, &verdicts));
                    self.record(&blob, verdicts);
                }
            }
            if self.how.repair {
                self.report.repairing += u64::try_from(lost.len()).unwrap_or(u64::MAX);
                self.metadata.record_findings(lost).await?;
            }
        }
    }

    /// Verdicts that hold: while a blob was looked at it may have been deleted, and then there are none, and its slivers may have been
    /// moved, and then they are looked at where they are now.
    async fn confirmed(
        &self,
        mut blob: StoredBlob,
        mut verdicts: Vec<Verdict>,
    ) -> Result<Option<(StoredBlob, Vec<Verdict>)>, MetadataError> {
        for _ in 1..LOOKS_MAX {
            if verdicts.iter().all(|verdict| matches!(verdict, Verdict::Good)) {
                break;
            }
            if !self.metadata.is_expected(&blob.id).await? {
                return Ok(None);
            }
            let Some(now) = self.metadata.blob_of_rows(&blob.id).await? else { return Ok(None) };
            if now.placements == blob.placements {
                break;
            }
            verdicts = look_at_blob(self.stores, self.cluster, self.how.deep, &now).await;
            blob = now;
        }
        Ok(Some((blob, verdicts)))
    }

    /// Records one blob's verdicts.
    fn record(&mut self, blob: &StoredBlob, verdicts: Vec<Verdict>) {
        let scheme = blob.layout.shape.scheme;
        let mut good = 0;
        for (placement, verdict) in blob.placements.iter().zip(verdicts) {
            let name = SliverName { blob: blob.id, index: placement.index, attempt: placement.attempt };
            let report = self.reports.entry(placement.backend.to_string()).or_insert_with(|| BackendReport {
                backend: placement.backend.to_string(),
                unreachable: Some("the configuration does not name it".to_owned()),
                ..BackendReport::default()
            });
            report.expected += 1;
            match verdict {
                Verdict::Good => good += 1,
                Verdict::Missing(reason) | Verdict::OutOfReach(reason) => report.missing.add(name.to_string(), reason),
                Verdict::Wrong(reason) => report.wrong.add(name.to_string(), reason),
            }
        }
        self.report.blobs += 1;
        if good < scheme.k() {
            self.report.unreadable_blobs += 1;
        } else if good < scheme.n() {
            self.report.degraded_blobs += 1;
        }
    }

    /// What is lost of a blob on backends that are what they should be.
    fn losses(&self, blob: &StoredBlob, verdicts: &[Verdict]) -> Vec<Finding> {
        let is_judged = |backend: &BackendId| {
            let answers = |report: &BackendReport| report.unreachable.is_none();
            !self.unjudged.contains(backend) && self.reports.get(backend.as_str()).is_some_and(answers)
        };
        let finding = |(placement, verdict): (&Placement, &Verdict)| {
            let (index, backend, kind) = (placement.index, placement.backend.clone(), verdict.loss()?.to_owned());
            is_judged(&backend).then_some(Finding { blob: blob.id, index, backend, kind })
        };
        blob.placements.iter().zip(verdicts).filter_map(finding).collect()
    }

    /// Finds slivers that no row references.
    async fn unexpected(&mut self) -> Result<(), MetadataError> {
        for (backend, store) in self.stores {
            let mut pages = store.list().try_chunks(PAGE);
            let mut found = Ok(());
            while found.is_ok() {
                match pages.next().await {
                    Some(Ok(page)) => self.unexpected_of(backend, &**store, page).await?,
                    Some(Err(error)) => found = Err(error.1),
                    None => break,
                }
            }
            if let (Err(error), Some(report)) = (found, self.reports.get_mut(backend.as_str())) {
                report.unreachable.get_or_insert_with(|| error.to_string());
            }
        }
        Ok(())
    }

    async fn unexpected_of(
        &mut self,
        backend: &BackendId,
        store: &dyn SliverStore,
        page: Vec<SliverEntry>,
    ) -> Result<(), MetadataError> {
        let names: Vec<_> = page.iter().map(|e| (e.name.blob, e.name.index, e.name.attempt, backend.clone())).collect();
        let known = self.metadata.known_slivers(&names).await?;
        let unknown: Vec<SliverName> =
            page.iter().zip(known).filter(|(_, known)| !known).map(|(e, _)| e.name).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let states: HashMap<u32, IncarnationState> = self.metadata.incarnation_states().await?.into_iter().collect();
        let Some(report) = self.reports.get_mut(backend.as_str()) else { return Ok(()) };
        for name in unknown {
            let reason = match states.get(&name.blob.incarnation()) {
                Some(IncarnationState::Live) => {
                    report.in_flight += 1;
                    continue;
                }
                Some(IncarnationState::Dead) => "no row references it",
                None => "the database does not know its incarnation",
            };
            // Its row goes after the sliver does: what was deleted since it was listed is no orphan.
            if !matches!(store.len(&name).await, Err(StoreError::NotFound)) {
                report.orphaned.add(name.to_string(), reason.to_owned());
            }
        }
        Ok(())
    }
}

/// Looks at each placement of a blob.
async fn look_at_blob(stores: &Stores, cluster: codec::ClusterId, deep: bool, blob: &StoredBlob) -> Vec<Verdict> {
    let looks = blob.placements.iter().map(|placement| async move {
        let Some(store) = stores.get(&placement.backend) else {
            return Verdict::OutOfReach("the configuration does not name its backend".to_owned());
        };
        let identity = blob.sliver_identity(cluster, placement.index);
        match examine(&**store, placement.attempt, identity, deep.then_some(placement.root)).await {
            SliverCondition::Intact => Verdict::Good,
            SliverCondition::Damaged { reason } => Verdict::Wrong(reason),
            SliverCondition::Missing => Verdict::Missing(StoreError::NotFound.to_string()),
            SliverCondition::Unreachable(error) => Verdict::OutOfReach(error.to_string()),
        }
    });
    futures::future::join_all(looks).await
}
