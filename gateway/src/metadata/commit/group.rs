//! The transaction of one group of batches.

use std::collections::BTreeSet;

use crate::domain::{BucketId, ObjectKey, VersionLookup, WriteCondition};
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::commit::apply::{Circumstances, apply};
use crate::metadata::commit::change::{Batch, Change};
use crate::metadata::commit::facts::{Facts, KeyLocation};
use crate::metadata::commit::outcome::Outcome;
use crate::metadata::commit::plan::Planner;
use crate::metadata::commit::targets::Targets;
use crate::metadata::commit::{load, load_versions};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::events::{EventDraft, due_events};

/// Batches that are committed together.
#[derive(Debug)]
pub(in crate::metadata) struct Group {
    pub given: Circumstances,
    pub batches: Vec<Batch>,
    /// One name for each change, for those that are parts.
    pub part_ids: Vec<ExtentOwner>,
    /// There is a cache that wants to know what keys hold afterwards.
    pub cached: bool,
}

impl Group {
    fn changes(&self) -> impl Iterator<Item = &Change> {
        self.batches.iter().flat_map(|batch| &batch.changes)
    }

    /// The bucket and key each change is about.
    pub(super) fn keys(&self) -> BTreeSet<(BucketId, &ObjectKey)> {
        self.changes().flat_map(Change::keys).collect()
    }

    async fn facts(&self, tx: &mut Session) -> Result<Facts> {
        let dialect = tx.dialect();
        let mut facts = Facts::default();
        let keys = self.keys();
        let parts =
            || self.changes().filter_map(|change| if let Change::Part(part) = change { Some(part) } else { None });
        let puts = self.changes().filter(|change| change.brings_version()).count();
        let first = [
            load::now(dialect, Some(self.given.incarnation)),
            load::buckets(dialect, keys.iter().map(|(bucket, _)| *bucket).collect()),
            load::uploads(dialect, parts().map(|part| part.upload).collect(), false),
            load_versions::currents(dialect, &keys),
            load::numbers(dialect, puts),
        ];
        load::ask(tx, &mut facts, first).await?;
        facts.fenced_now()?;
        let must_be_absent = self.changes().filter(|change| change.relies_on_absence()).flat_map(Change::keys);
        let must_be_absent =
            must_be_absent.filter(|(b, k)| !facts.currents.contains_key(&(*b, (*k).clone()))).collect();
        load_versions::confirm_absent(tx, &must_be_absent).await?;

        let targets = Targets::of(self.changes(), &facts);
        let copies = self.changes().filter(|change| change.source().is_some());
        let copied = copies.flat_map(Change::extents).map(|extent| extent.blob).collect();
        let mut second = targets.queries(tx);
        second.extend([
            // Buckets of parts, for the quotas over them.
            load::buckets(dialect, self.unknown_buckets(&facts)),
            load::numbers(dialect, targets.markers),
            load::parts(dialect, &parts().map(|part| (part.upload, part.part.number)).collect()),
            load::sources(dialect, &self.changes().filter_map(Change::source).collect(), copied),
        ]);
        load::ask(tx, &mut facts, second).await?;

        let going = targets.going(&facts);
        let kept_apart = |owner: &ExtentOwner| !facts.inline.contains(owner);
        let owners = going.iter().copied().filter(kept_apart).chain(facts.parts.values().map(|fact| fact.id));
        let third = [load::extents(dialect, owners.collect()), targets.attributes(tx, &facts)];
        load::ask(tx, &mut facts, third).await?;

        let new: BTreeSet<_> = self.batches.iter().flat_map(|batch| &batch.blobs).map(|new| new.blob.id).collect();
        let released = going.into_iter().chain(facts.parts.values().map(|fact| fact.id));
        let released = released.filter_map(|owner| facts.extents.get(&owner)).flatten();
        let brought = self.changes().flat_map(Change::extents);
        let blobs = brought.chain(released).map(|extent| extent.blob).filter(|id| !new.contains(id)).collect();
        let last = [load::blobs(dialect, blobs), load::quotas(dialect, &facts)];
        load::ask(tx, &mut facts, last).await?;
        Ok(facts)
    }

    /// The buckets of uploads that no change of a key has named.
    fn unknown_buckets(&self, facts: &Facts) -> BTreeSet<BucketId> {
        let buckets = facts.uploads.values().map(|upload| upload.bucket);
        buckets.filter(|bucket| !facts.buckets.contains_key(bucket)).collect()
    }
}

/// What a group came to.
#[derive(Debug)]
pub(in crate::metadata) struct Done {
    /// One for each change of each batch.
    pub outcomes: Vec<Vec<Outcome>>,
    /// What keys hold now, for a cache; empty where there is none.
    pub known: Vec<(KeyLocation, VersionLookup)>,
}

impl Work for Group {
    type Done = Done;

    async fn run(&self, tx: &mut Session) -> Result<Self::Done> {
        let facts = self.facts(tx).await?;
        let mut planner = Planner::new(&facts);
        for batch in &self.batches {
            planner.blobs(&batch.blobs);
        }
        let mut ids = self.part_ids.iter();
        let mut outcomes = Vec::with_capacity(self.batches.len());
        for batch in &self.batches {
            let mut of_batch = Vec::with_capacity(batch.changes.len());
            for change in &batch.changes {
                let id = ids.next().ok_or_else(|| MetadataError::Damaged("a change without a name".to_owned()))?;
                of_batch.push(planner.change(change, *id)?);
            }
            outcomes.push(of_batch);
        }
        let plan = planner.finish()?;
        apply(tx, &facts, &plan, self.given).await?;
        let made = self.changes().zip(outcomes.iter().flatten());
        let due = made.flat_map(|(change, outcome)| {
            let about = change.keys().zip(change.events());
            about.map(|((bucket, key), drafts)| due_events::due(bucket, key, drafts, change.names_version(), outcome))
        });
        due_events::insert(tx, due.flatten().collect(), facts.fenced_now()?).await?;
        Ok(Done { outcomes, known: if self.cached { plan.known() } else { Vec::new() } })
    }
}

impl Change {
    /// The keys it changes.
    fn keys(&self) -> impl Iterator<Item = (BucketId, &ObjectKey)> {
        let (one, other) = match self {
            Self::Put(put) => (Some((put.bucket, &put.version.key)), None),
            Self::Delete(delete) => (Some((delete.bucket, &delete.key)), None),
            Self::Amend(amend) => (Some((amend.bucket, &amend.key)), None),
            Self::Rename(rename) => (Some((rename.bucket, &rename.version.key)), Some((rename.bucket, &rename.to))),
            Self::Append(append) => (Some((append.bucket, &append.version.key)), None),
            Self::Part(_) => (None, None),
        };
        one.into_iter().chain(other)
    }

    /// Whether it is about one version by its name.
    fn names_version(&self) -> bool {
        matches!(self, Self::Delete(delete) if delete.selector.name().is_some())
    }

    /// Messages about each of its keys.
    fn events(&self) -> [&[EventDraft]; 2] {
        match self {
            Self::Put(put) => [&put.events, &[]],
            Self::Delete(delete) => [&delete.events, &[]],
            Self::Amend(amend) => [&amend.events, &[]],
            Self::Rename(rename) => rename.events.each_ref().map(Vec::as_slice),
            Self::Append(append) => [&append.events, &[]],
            Self::Part(_) => [&[], &[]],
        }
    }

    fn extents(&self) -> &[crate::domain::Extent] {
        match self {
            Self::Put(put) => &put.version.extents,
            Self::Part(part) => &part.part.extents,
            Self::Append(append) => &append.version.extents,
            Self::Delete(_) | Self::Amend(_) | Self::Rename(_) => &[],
        }
    }

    /// Whether it may bring a version, whatever the bucket's state.
    fn brings_version(&self) -> bool {
        matches!(self, Self::Put(_) | Self::Rename(_) | Self::Append(_))
    }

    fn source(&self) -> Option<crate::domain::VersionId> {
        match self {
            Self::Put(put) => put.source,
            Self::Part(part) => part.source,
            Self::Delete(_) | Self::Amend(_) | Self::Rename(_) | Self::Append(_) => None,
        }
    }

    /// Whether its outcome is wrong if the key has a version that was not seen. A version that is written anyway meets the
    /// unseen one in the index.
    fn relies_on_absence(&self) -> bool {
        match self {
            Self::Put(put) => {
                !matches!(put.condition, WriteCondition::None | WriteCondition::Absent | WriteCondition::Differs(_))
            }
            Self::Delete(_) | Self::Amend(_) | Self::Rename(_) | Self::Append(_) => true,
            Self::Part(_) => false,
        }
    }
}
