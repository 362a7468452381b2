//! What a key holds while the plan is made: its versions, newest first, as far as anybody asks for them.

use std::borrow::Cow;

use super::super::super::compact::ExtentOwner;
use super::super::super::{MetadataError, Result};
use super::super::Refusal;
use super::super::facts::{BucketFact, Place, VersionFact};
use super::{PlannedVersion, Planner, VersionRow, check_sum};
use crate::domain::{
    BucketId, ETag, Extent, ObjectKey, Timestamp, Version, VersionId, VersionLock, VersionName, VersionPart,
    VersionSelector, Versioning, WriteCondition,
};

/// What a place holds while the plan is made.
#[derive(Debug)]
pub(super) enum Holder<'a, T> {
    /// A row of the database.
    Row(&'a T),
    /// The version or part this plan inserts, by position.
    Planned(usize),
}

impl<T> Clone for Holder<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Holder<'_, T> {}

/// The versions of a key that are known, newest first: the current one, if there is any, is the first.
#[derive(Debug, Default)]
pub(super) struct Chain<'a>(pub Vec<Holder<'a, VersionFact>>);

/// What a plan must know of a version, wherever it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub id: VersionId,
    pub null: bool,
    pub marker: bool,
    pub size: u64,
    pub etag: ETag,
    pub lock: VersionLock,
}

impl Seen {
    /// What clients call it.
    pub(super) fn name(&self) -> VersionName {
        if self.null { VersionName::Null } else { VersionName::Id(self.id) }
    }

    /// The tag that conditions are about; a marker has none.
    pub(super) fn tag(&self) -> Option<ETag> {
        (!self.marker).then_some(self.etag)
    }

    /// How many objects it counts for.
    pub(super) fn objects(&self) -> i64 {
        i64::from(!self.marker)
    }
}

impl<'a> Planner<'a> {
    /// The versions of a key.
    pub(super) fn chain(&mut self, place: &Place) -> &mut Chain<'a> {
        let facts = self.facts;
        self.keys.entry(place.clone()).or_insert_with(|| {
            let older = facts.older.get(place).into_iter().flatten();
            Chain(facts.currents.get(place).into_iter().chain(older).map(Holder::Row).collect())
        })
    }

    /// The version at a position of a key's chain.
    pub(super) fn seen(&mut self, place: &Place, at: usize) -> Option<Seen> {
        let holder = self.chain(place).0.get(at).copied()?;
        self.look(holder)
    }

    fn look(&self, holder: Holder<'a, VersionFact>) -> Option<Seen> {
        match holder {
            Holder::Row(fact) => Some(Seen {
                id: fact.id,
                null: fact.null,
                marker: fact.marker,
                size: fact.size,
                etag: fact.etag,
                lock: self.amended.get(&fact.id).map_or(fact.lock, |amended| amended.lock),
            }),
            Holder::Planned(index) => self.versions.get(index)?.as_ref().map(|planned| Seen {
                id: planned.version.id,
                null: planned.version.null,
                marker: planned.marker,
                size: planned.version.size,
                etag: planned.version.etag,
                lock: planned.version.lock,
            }),
        }
    }

    /// Where in its key's chain the selected version is.
    pub(super) fn position(&mut self, place: &Place, selector: VersionSelector) -> Option<usize> {
        let holders = self.chain(place).0.clone();
        let mut seen = holders.into_iter().map(|holder| self.look(holder));
        match selector {
            VersionSelector::Current => seen.next().flatten().map(|_| 0),
            VersionSelector::Null => seen.position(|seen| seen.is_some_and(|seen| seen.null)),
            VersionSelector::Id(id) => seen.position(|seen| seen.is_some_and(|seen| !seen.null && seen.id == id)),
        }
    }

    /// The version that a write replaces: where nothing is kept the current one, where versioning is suspended the null one.
    pub(super) fn replaced(&mut self, place: &Place, versioning: Versioning) -> Option<usize> {
        match versioning {
            Versioning::Never => self.position(place, VersionSelector::Current),
            Versioning::Enabled => None,
            Versioning::Suspended => self.position(place, VersionSelector::Null),
        }
    }

    /// The bucket, if a key's current version lets a write pass.
    pub(super) fn admit(
        &mut self,
        bucket: BucketId,
        key: &ObjectKey,
        condition: &WriteCondition,
    ) -> Result<BucketFact, Refusal> {
        let fact = *self.facts.buckets.get(&bucket).ok_or(Refusal::NoSuchBucket)?;
        if *condition != WriteCondition::None {
            let current = self.seen(&(bucket, key.clone()), 0).and_then(|seen| seen.tag());
            condition.check(current).map_err(Refusal::from)?;
        }
        Ok(fact)
    }

    /// Makes a version the current one of its key, in the place of what it replaces. The state of the bucket decides what it is
    /// called and how it is locked.
    pub(super) fn place(
        &mut self,
        bucket: BucketId,
        fact: BucketFact,
        mut version: Cow<'a, Version>,
        extents: Vec<Extent>,
        parts: Cow<'a, [VersionPart]>,
        metered: Option<u64>,
    ) -> Result<Option<VersionName>> {
        check_sum(&extents, version.size)?;
        let place = (bucket, version.key.clone());
        if let Some(at) = self.replaced(&place, fact.versioning) {
            self.take_back(&place, at)?;
        }
        if fact.versioning == Versioning::Enabled {
            version.to_mut().null = false;
        }
        if let (None, Some(default)) = (version.lock.retention, fact.lock.and_then(|lock| lock.default)) {
            let now = Timestamp(self.facts.fenced_now()?);
            version.to_mut().lock.retention = Some(default.from(now));
        }
        let encoded_bytes = match metered {
            Some(bytes) => bytes,
            None => self.balance.encoded(&extents)?,
        };
        self.balance.add(&extents);
        let flow = self.flow(bucket);
        flow.came(encoded_bytes, version.size);
        flow.objects += 1;
        let name = (fact.versioning != Versioning::Never).then(|| version.name());
        self.push(PlannedVersion { bucket, version, extents, parts, encoded_bytes, marker: false, current: false });
        Ok(name)
    }

    /// Puts a version before all others of its key.
    pub(super) fn push(&mut self, planned: PlannedVersion<'a>) {
        let holder = Holder::Planned(self.versions.len());
        self.chain(&(planned.bucket, planned.version.key.clone())).0.insert(0, holder);
        self.versions.push(Some(planned));
    }

    /// Removes a version of a key for good.
    pub(super) fn take_back(&mut self, place: &Place, at: usize) -> Result<()> {
        let chain = self.chain(place);
        if at >= chain.0.len() {
            return Err(MetadataError::Damaged("a plan removes a version that is not there".to_owned()));
        }
        match chain.0.remove(at) {
            Holder::Row(fact) => {
                self.release(ExtentOwner(fact.id.0), fact.size)?;
                self.plan.removed_versions.push(VersionRow::of(place, fact.seq));
                self.amended.remove(&fact.id);
                if fact.has_parts {
                    self.plan.removed_version_parts.push(fact.id);
                }
                let flow = self.flow(place.0);
                flow.went(fact.encoded_bytes, fact.size);
                flow.objects -= i64::from(!fact.marker);
            }
            Holder::Planned(index) => {
                if let Some(planned) = self.versions[index].take() {
                    self.balance.take(&planned.extents)?;
                    let flow = self.flow(place.0);
                    flow.went(planned.encoded_bytes, planned.version.size);
                    flow.objects -= i64::from(!planned.marker);
                }
            }
        }
        Ok(())
    }

    /// Releases the extents of a row.
    pub(super) fn release(&mut self, owner: ExtentOwner, size: u64) -> Result<()> {
        let facts = self.facts;
        let extents = facts.extents.get(&owner).map_or(&[][..], Vec::as_slice);
        check_sum(extents, size)?;
        self.balance.take(extents)?;
        if !extents.is_empty() && !facts.inline.contains(&owner) {
            self.plan.removed_owners.push(owner);
        }
        self.gone.insert(owner);
        Ok(())
    }

    /// Says which of a key's versions is current in the end: the newest.
    pub(super) fn settle(&mut self, place: &Place, chain: &Chain<'a>) {
        if chain.0.is_empty() {
            self.plan.emptied.push(place.clone());
        }
        for (at, holder) in chain.0.iter().enumerate() {
            match holder {
                Holder::Planned(index) => {
                    if let Some(planned) = self.versions.get_mut(*index).and_then(Option::as_mut) {
                        planned.current = at == 0;
                    }
                }
                Holder::Row(fact) if fact.current && at > 0 => {
                    self.plan.demoted.push(VersionRow::of(place, fact.seq));
                }
                Holder::Row(fact) if !fact.current && at == 0 => {
                    self.plan.promoted.push(VersionRow::of(place, fact.seq));
                }
                Holder::Row(_) => {}
            }
        }
    }
}
