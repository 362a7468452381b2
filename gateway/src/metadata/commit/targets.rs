//! Which versions a group of changes is about, beyond the current ones.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{BucketId, ObjectKey, VersionId, VersionSelector, Versioning};
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::commit::change::{Amendment, Change};
use crate::metadata::commit::facts::{Facts, VersionFact};
use crate::metadata::commit::load::FactQuery;
use crate::metadata::commit::load_versions::{self, Keys};
use crate::metadata::engine::session::Session;

/// What has to be read and what may go.
#[derive(Debug, Default)]
pub(in crate::metadata) struct Targets<'c> {
    /// Keys whose null version may be replaced or is selected.
    nulls: Keys<'c>,
    /// Versions that are selected by id.
    named: BTreeSet<(BucketId, &'c ObjectKey, VersionId)>,
    /// How many versions of a key may go while others stay.
    going: BTreeMap<(BucketId, &'c ObjectKey), usize>,
    /// Keys whose current version may go.
    replaced: Keys<'c>,
    /// Keys whose current version goes and comes back elsewhere, with all its extents.
    moved: Keys<'c>,
    /// Versions of which something else will be said, or of which it matters what is said.
    amended: Vec<(BucketId, &'c ObjectKey, VersionSelector)>,
    /// Delete markers that may be made.
    pub markers: usize,
}

impl<'c> Targets<'c> {
    /// What changes are about, in buckets as they are now.
    pub(super) fn of(changes: impl Iterator<Item = &'c Change>, facts: &Facts) -> Self {
        let mut targets = Self::default();
        for change in changes {
            if let Change::Delete(delete) = change
                && delete.only.as_ref().is_some_and(|only| only.tags.is_some())
            {
                targets.amended.push((delete.bucket, &delete.key, delete.selector));
            }
            match change {
                Change::Put(put) => targets.written(put.bucket, &put.version.key, facts),
                Change::Delete(delete) if delete.selector == VersionSelector::Current => {
                    targets.written(delete.bucket, &delete.key, facts);
                    let versioned = versioning(delete.bucket, facts) != Versioning::Never;
                    targets.markers += usize::from(versioned);
                }
                Change::Delete(delete) => {
                    targets.selected(delete.bucket, &delete.key, delete.selector);
                    *targets.going.entry((delete.bucket, &delete.key)).or_default() += 1;
                }
                Change::Amend(amend) => {
                    targets.selected(amend.bucket, &amend.key, amend.selector);
                    if let Amendment::Attributes(_) = amend.amendment {
                        targets.amended.push((amend.bucket, &amend.key, amend.selector));
                    }
                }
                Change::Rename(rename) => {
                    targets.replaced.extend([(rename.bucket, &rename.to), (rename.bucket, &rename.version.key)]);
                    targets.moved.insert((rename.bucket, &rename.version.key));
                    targets.amended.push((rename.bucket, &rename.version.key, VersionSelector::Current));
                }
                Change::Append(append) => {
                    targets.amended.push((append.bucket, &append.version.key, VersionSelector::Current));
                }
                Change::Part(_) => {}
            }
        }
        targets
    }

    /// A new version comes to a key.
    pub(in crate::metadata) fn written(&mut self, bucket: BucketId, key: &'c ObjectKey, facts: &Facts) {
        match versioning(bucket, facts) {
            Versioning::Never => drop(self.replaced.insert((bucket, key))),
            Versioning::Enabled => {}
            Versioning::Suspended => drop(self.nulls.insert((bucket, key))),
        }
    }

    fn selected(&mut self, bucket: BucketId, key: &'c ObjectKey, selector: VersionSelector) {
        match selector {
            VersionSelector::Current => {}
            VersionSelector::Null => drop(self.nulls.insert((bucket, key))),
            VersionSelector::Id(id) => drop(self.named.insert((bucket, key, id))),
        }
    }

    /// Questions for all of them, to be asked when the current versions are locked.
    pub(in crate::metadata) fn queries(&self, tx: &Session) -> Vec<FactQuery> {
        let dialect = tx.dialect();
        let mut queries = Vec::new();
        if !self.nulls.is_empty() {
            queries.push(load_versions::nulls(dialect, &self.nulls));
        }
        if !self.named.is_empty() {
            queries.push(load_versions::named(dialect, &self.named));
        }
        if let Some(most) = self.going.values().copied().max() {
            queries.push(load_versions::newest(dialect, &self.going.keys().copied().collect(), most));
        }
        queries
    }

    /// The question about what is said of versions that are amended.
    pub(super) fn attributes(&self, tx: &Session, facts: &Facts) -> FactQuery {
        let mut locations = BTreeSet::new();
        for (bucket, key, selector) in &self.amended {
            if let Some(fact) = find(facts, *bucket, key, *selector) {
                locations.insert((*bucket, *key, fact.seq));
            }
        }
        load_versions::attributes(tx.dialect(), &locations)
    }

    /// The versions that may go, as owners of their extents; large ones only where their extents come back.
    pub(in crate::metadata) fn going(&self, facts: &Facts) -> BTreeSet<ExtentOwner> {
        let currents = self.replaced.iter().filter_map(|(b, k)| find(facts, *b, k, VersionSelector::Current));
        let nulls = self.nulls.iter().filter_map(|(b, k)| find(facts, *b, k, VersionSelector::Null));
        let named = self.named.iter().filter_map(|(b, k, id)| find(facts, *b, k, VersionSelector::Id(*id)));
        let moved = self.moved.iter().filter_map(|(b, k)| find(facts, *b, k, VersionSelector::Current));
        let at_once = currents.chain(nulls).chain(named).filter(|fact| !fact.is_large());
        at_once.chain(moved).map(|fact| ExtentOwner(fact.id.0)).collect()
    }
}

fn versioning(bucket: BucketId, facts: &Facts) -> Versioning {
    facts.buckets.get(&bucket).map_or(Versioning::Never, |fact| fact.versioning)
}

/// A version among the facts.
fn find<'f>(facts: &'f Facts, bucket: BucketId, key: &ObjectKey, selector: VersionSelector) -> Option<&'f VersionFact> {
    let location = (bucket, key.clone());
    let mut all = facts.currents.get(&location).into_iter().chain(facts.older.get(&location).into_iter().flatten());
    match selector {
        VersionSelector::Current => all.next().filter(|fact| fact.current),
        VersionSelector::Null => all.find(|fact| fact.null),
        VersionSelector::Id(id) => all.find(|fact| !fact.null && fact.id == id),
    }
}
