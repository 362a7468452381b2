//! What a plan does to the versions of a key: finds, inserts and removes them, and says which is current.

use std::borrow::Cow;

use crate::domain::{
    BucketId, Extent, ObjectKey, Timestamp, Version, VersionPart, VersionSelector, Versioning, WriteCondition,
};
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::commit::facts::{BucketFact, KeyLocation, VersionFact};
use crate::metadata::commit::outcome::{Refusal, StoredVersion};
use crate::metadata::commit::plan::chain::{Chain, RowOrPlanned, VersionView};
use crate::metadata::commit::plan::planned::{LeftBehind, PlannedVersion, VersionRow, check_sum};
use crate::metadata::commit::plan::planner::Planner;
use crate::metadata::error::{MetadataError, Result};

impl<'a> Planner<'a> {
    /// The versions of a key.
    pub(super) fn chain(&mut self, location: &KeyLocation) -> &mut Chain<'a> {
        let facts = self.facts;
        self.keys.entry(location.clone()).or_insert_with(|| {
            let older = facts.older.get(location).into_iter().flatten();
            Chain(facts.currents.get(location).into_iter().chain(older).map(RowOrPlanned::Row).collect())
        })
    }

    /// The version at a position of a key's chain.
    pub(super) fn view(&mut self, location: &KeyLocation, at: usize) -> Option<VersionView> {
        let slot = self.chain(location).0.get(at).copied()?;
        self.look(slot)
    }

    fn look(&self, slot: RowOrPlanned<'a, VersionFact>) -> Option<VersionView> {
        match slot {
            RowOrPlanned::Row(fact) => {
                let appended = self.appended.get(&fact.id);
                Some(VersionView {
                    id: fact.id,
                    null: fact.null,
                    marker: fact.marker,
                    size: appended.map_or(fact.size, |appended| appended.size),
                    etag: appended.map_or(fact.etag, |appended| appended.etag),
                    lock: self.amended.get(&fact.id).map_or(fact.lock, |amended| amended.lock),
                })
            }
            RowOrPlanned::Planned(index) => self.versions.get(index)?.as_ref().map(|planned| VersionView {
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
    pub(super) fn position(&mut self, location: &KeyLocation, selector: VersionSelector) -> Option<usize> {
        let slots = self.chain(location).0.clone();
        let mut view = slots.into_iter().map(|slot| self.look(slot));
        match selector {
            VersionSelector::Current => view.next().flatten().map(|_| 0),
            VersionSelector::Null => view.position(|view| view.is_some_and(|view| view.null)),
            VersionSelector::Id(id) => view.position(|view| view.is_some_and(|view| !view.null && view.id == id)),
        }
    }

    /// The version that a write replaces: where nothing is kept the current one, where versioning is suspended the null one.
    pub(super) fn replaced(&mut self, location: &KeyLocation, versioning: Versioning) -> Option<usize> {
        match versioning {
            Versioning::Never => self.position(location, VersionSelector::Current),
            Versioning::Enabled => None,
            Versioning::Suspended => self.position(location, VersionSelector::Null),
        }
    }

    /// The bucket, if the write condition holds for the key's current version.
    pub(super) fn check_condition(
        &mut self,
        bucket: BucketId,
        key: &ObjectKey,
        condition: &WriteCondition,
    ) -> Result<BucketFact, Refusal> {
        let fact = *self.facts.buckets.get(&bucket).ok_or(Refusal::NoSuchBucket)?;
        if *condition != WriteCondition::None {
            let current = self.view(&(bucket, key.clone()), 0).and_then(|view| view.tag());
            condition.check(current).map_err(Refusal::from)?;
        }
        Ok(fact)
    }

    /// Makes a version the current one of its key, in the place of what it replaces. The state of the bucket decides what it is
    /// called and how it is locked.
    pub(super) fn insert_current(
        &mut self,
        bucket: BucketId,
        fact: BucketFact,
        mut version: Cow<'a, Version>,
        extents: Vec<Extent>,
        parts: Cow<'a, [VersionPart]>,
        metered: Option<u64>,
    ) -> Result<StoredVersion> {
        check_sum(&extents, version.size)?;
        let location = (bucket, version.key.clone());
        if let Some(at) = self.replaced(&location, fact.versioning) {
            self.remove_version(&location, at)?;
        }
        if fact.versioning == Versioning::Enabled {
            version.to_mut().null = false;
        }
        if let (None, Some(default)) = (version.lock.retention, fact.lock.and_then(|lock| lock.default)) {
            let now = Timestamp(self.facts.fenced_now()?);
            version.to_mut().lock.retention = Some(default.from(now));
        }
        let (encoded_bytes, written) = match metered {
            Some(bytes) => (bytes, 0),
            None => (self.balance.encoded(&extents)?, self.balance.newly_encoded(&extents)?),
        };
        self.balance.add(&extents);
        let flow = self.flow(bucket);
        flow.record_added(encoded_bytes, version.size);
        flow.record_written(written);
        flow.objects += 1;
        let name = (fact.versioning != Versioning::Never).then(|| version.name());
        let is_guarded = version.is_guarded();
        self.push(PlannedVersion { bucket, version, extents, parts, encoded_bytes, marker: false, current: false });
        Ok(StoredVersion { name, is_guarded })
    }

    /// Puts a version before all others of its key.
    pub(super) fn push(&mut self, planned: PlannedVersion<'a>) {
        let slot = RowOrPlanned::Planned(self.versions.len());
        self.chain(&(planned.bucket, planned.version.key.clone())).0.insert(0, slot);
        self.versions.push(Some(planned));
    }

    /// Removes a version of a key for good.
    pub(super) fn remove_version(&mut self, location: &KeyLocation, at: usize) -> Result<()> {
        let chain = self.chain(location);
        if at >= chain.0.len() {
            return Err(MetadataError::Damaged("a plan removes a version that is not there".to_owned()));
        }
        match chain.0.remove(at) {
            RowOrPlanned::Row(fact) => {
                self.release_version(fact)?;
                self.plan.removed_versions.push(VersionRow::of(location, fact.seq));
                self.amended.remove(&fact.id);
                let flow = self.flow(location.0);
                flow.record_removed(fact.encoded_bytes, fact.size);
                flow.objects -= i64::from(!fact.marker);
                flow.extras -= i64::from(fact.marker);
            }
            RowOrPlanned::Planned(index) => {
                if let Some(planned) = self.versions[index].take() {
                    self.balance.take(&planned.extents)?;
                    let flow = self.flow(location.0);
                    flow.record_removed(planned.encoded_bytes, planned.version.size);
                    flow.objects -= i64::from(!planned.marker);
                    flow.extras -= i64::from(planned.marker);
                }
            }
        }
        Ok(())
    }

    /// Releases what a version has besides its row: at once, or if that is much and was not read, later.
    fn release_version(&mut self, fact: &'a VersionFact) -> Result<()> {
        let owner = ExtentOwner(fact.id.0);
        if let Some(appended) = self.appended.remove(&fact.id) {
            self.balance.take(&appended.extents)?;
            let encoded = appended.encoded_bytes.saturating_sub(fact.encoded_bytes);
            let bucket = appended.row.bucket;
            self.flow(bucket).record_removed(encoded, appended.size.saturating_sub(fact.size));
        }
        if fact.is_large() && !self.facts.extents.contains_key(&owner) {
            self.plan.left_behind.push(LeftBehind::Version(fact.id));
            self.gone.insert(owner);
            return Ok(());
        }
        if fact.part_count > 0 {
            self.plan.removed_version_parts.push(fact.id);
        }
        self.release(owner, fact.size)
    }

    /// Releases extents whose owner is gone already.
    ///
    /// # Errors
    /// When a blob is not there.
    pub(in crate::metadata) fn release_extents(&mut self, extents: &[Extent]) -> Result<()> {
        self.balance.take(extents)
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

    /// Marks the newest version of a key as current.
    pub(super) fn set_current(&mut self, location: &KeyLocation, chain: &Chain<'a>) {
        if chain.0.is_empty() {
            self.plan.emptied.push(location.clone());
        }
        for (at, slot) in chain.0.iter().enumerate() {
            match slot {
                RowOrPlanned::Planned(index) => {
                    if let Some(planned) = self.versions.get_mut(*index).and_then(Option::as_mut) {
                        planned.current = at == 0;
                    }
                }
                RowOrPlanned::Row(fact) if fact.current && at > 0 => {
                    self.plan.demoted.push(VersionRow::of(location, fact.seq));
                }
                RowOrPlanned::Row(fact) if !fact.current && at == 0 => {
                    self.plan.promoted.push(VersionRow::of(location, fact.seq));
                }
                RowOrPlanned::Row(_) => {}
            }
        }
    }
}
