//! Orphan collection: slivers of dead incarnations that no row references.

use std::collections::HashMap;
use std::sync::Arc;

use backends::{SliverEntry, SliverName};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::metadata::{IncarnationState, RecordKind};
use crate::objects::Objects;
use crate::objects::committee::Backend;
use crate::objects::error::ObjectsError;

/// Names looked up in one query.
const LOOKUP_MAX: usize = 512;

/// A scan may always collect this many slivers, however few there are in all: what one killed gateway leaves.
const ORPHANS_FLOOR: u64 = 2_000;

/// Beyond the floor a scan may collect one sliver in this many; more looks like a restored database, not like orphans.
const ORPHANS_SHARE: u64 = 100;

/// Orphans held in memory, and so collected in one scan; about 6 MB. The others are left to the next one.
const ORPHANS_HELD_MAX: usize = 100_000;

/// What an orphan scan found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OrphanReport {
    /// Slivers looked at on all backends.
    pub scanned: u64,
    /// Orphans moved to the trash.
    pub collected: u64,
    /// Orphans that are left to the next scan, because there are so many.
    #[serde(default)]
    pub left: u64,
    /// Why nothing was collected although there were orphans.
    pub refused: Option<String>,
    /// Backends that could not be listed; nothing is decided about what is there.
    pub unreachable: Vec<String>,
}

/// The facts about one scan.
#[derive(Debug, Default)]
struct Facts {
    scanned: u64,
    found: u64,
    /// Some of those that were found: all, unless they are very many.
    orphans: Vec<(Arc<Backend>, SliverName)>,
    /// A sliver was made by an incarnation that the database does not know.
    database_is_behind: bool,
    /// Incarnations up to this one that the database does not know are dead.
    forgotten: u32,
    /// This database has no snapshot on the backends yet: the journal of the one before is all there is.
    keeps_journal: bool,
}

impl Objects {
    /// Looks for slivers of dead incarnations that no row references and moves them to the trash.
    ///
    /// Slivers of living incarnations are never touched: their rows may be about to be committed. When a sliver bears
    /// an incarnation that the database does not know, the database is older than the backends, and nothing is
    /// collected at all; nor is anything while a rollback waits for an operator, or a backend has not answered yet.
    ///
    /// Above the bound of a scan nothing is collected either, unless an operator has `confirmed` that so many may go.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn collect_orphans(&self, confirmed: u64) -> Result<OrphanReport, ObjectsError> {
        let states: HashMap<u32, IncarnationState> =
            self.inner.metadata.incarnation_states().await?.into_iter().collect();
        let mut facts = Facts { forgotten: self.inner.metadata.forgotten_incarnation().await?, ..Facts::default() };
        facts.keeps_journal = self.inner.metadata.newest_records(RecordKind::Snapshot, 1).await?.is_empty();
        let mut report = OrphanReport { refused: self.deletion_hold().await?, ..OrphanReport::default() };
        if report.refused.is_some() {
            return Ok(report);
        }
        for backend in self.inner.committee.backends() {
            if backend.trust().is_doubted() {
                report.unreachable.push(backend.id.to_string());
                continue;
            }
            if let Err(error) = self.scan(backend, &states, &mut facts).await? {
                tracing::warn!(backend = %backend.id, %error, "the orphan scan skips a backend");
                report.unreachable.push(backend.id.to_string());
            }
        }
        report.scanned = facts.scanned;
        report.refused = refusal(&facts, confirmed);
        if report.refused.is_none() {
            report.left = facts.found - facts.orphans.len() as u64;
            // No row names them now; one of the journal's may.
            if !facts.orphans.is_empty() {
                self.journal_before_deletion().await?;
            }
            for (backend, name) in facts.orphans {
                match backend.store.trash(&name).await {
                    Ok(()) => report.collected += 1,
                    Err(error) => {
                        tracing::warn!(backend = %backend.id, %name, %error, "an orphan could not be moved to the trash; kept for now")
                    }
                }
            }
        }
        Ok(report)
    }

    /// Lists one backend. The outer error is the database's, the inner one the backend's.
    async fn scan(
        &self,
        backend: &Arc<Backend>,
        states: &HashMap<u32, IncarnationState>,
        facts: &mut Facts,
    ) -> Result<Result<(), backends::StoreError>, ObjectsError> {
        let mut pages = backend.store.list().try_chunks(LOOKUP_MAX);
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) => return Ok(Err(error.1)),
            };
            facts.scanned += page.len() as u64;
            let dead: Vec<SliverEntry> = page
                .into_iter()
                .filter(|entry| !(facts.keeps_journal && self.inner.id_generator.is_of_journal(&entry.name.blob)))
                .filter(|entry| match states.get(&entry.name.blob.incarnation()) {
                    Some(state) => *state == IncarnationState::Dead,
                    None if entry.name.blob.incarnation() <= facts.forgotten => true,
                    None => {
                        facts.database_is_behind = true;
                        false
                    }
                })
                .collect();
            let names: Vec<_> = dead
                .iter()
                .map(|entry| (entry.name.blob, entry.name.index, entry.name.attempt, backend.id.clone()))
                .collect();
            let known = self.inner.metadata.known_slivers(&names).await?;
            for (entry, _) in dead.into_iter().zip(known).filter(|(_, known)| !known) {
                facts.found += 1;
                if facts.orphans.len() < ORPHANS_HELD_MAX {
                    facts.orphans.push((Arc::clone(backend), entry.name));
                }
            }
        }
        Ok(Ok(()))
    }
}

/// Why these orphans must not be collected, if so. Pure: the rule that keeps a wrong database from eating the data.
fn refusal(facts: &Facts, confirmed: u64) -> Option<String> {
    let allowed = ORPHANS_FLOOR.max(facts.scanned / ORPHANS_SHARE).max(confirmed);
    let found = facts.found;
    if facts.database_is_behind {
        Some("slivers have incarnations unknown to this database: it is older than the backends".to_owned())
    } else if found > allowed {
        let scanned = facts.scanned;
        Some(format!(
            "{found} of {scanned} slivers look orphaned, more than the {allowed} that may go in one scan; if this is the right database, \
             `haulout collect --orphans {found}` deletes them"
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_behind_collects_nothing() {
        let facts = Facts { scanned: 10, database_is_behind: true, ..Facts::default() };
        assert!(refusal(&facts, 0).is_some());
        assert!(refusal(&facts, u64::MAX).is_some(), "whatever was confirmed");
        assert!(refusal(&Facts { scanned: 10, ..Facts::default() }, 0).is_none());
    }

    #[test]
    fn no_more_go_than_were_confirmed() {
        let facts = Facts { scanned: 10_000, found: 5_000, ..Facts::default() };
        for (confirmed, refused) in [(0, true), (4_999, true), (5_000, false)] {
            assert_eq!(refusal(&facts, confirmed).is_some(), refused, "{confirmed}");
        }
    }
}
