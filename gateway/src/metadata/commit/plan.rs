//! Decides what a transaction changes: facts in, a plan out, nothing else.

use std::collections::{BTreeMap, HashMap, HashSet};

use codec::BlobId;

use super::super::compact::{ExtentMove, ExtentOwner};
use super::super::{CompleteChange, MetadataError, Result};
use super::balance::Balance;
use super::facts::{CurrentFact, Facts, PartFact};
use super::{Change, DeleteChange, NewBlob, Outcome, PartChange, PutChange, Refusal};
use crate::domain::{
    BucketId, ETag, Extent, ObjectKey, Part, PartNumber, UploadId, Version, VersionId, VersionPart, WriteCondition,
};

/// Rows to remove and to insert. Applying it decides nothing.
#[derive(Debug, Default)]
pub(in crate::metadata) struct Plan<'a> {
    /// Versions that go, by primary key.
    pub removed_versions: Vec<(BucketId, ObjectKey, i64)>,
    /// Those of them that have rows in `version_part`.
    pub removed_version_parts: Vec<VersionId>,
    /// Parts that go.
    pub removed_parts: Vec<(UploadId, PartNumber)>,
    /// Uploads that go.
    pub removed_uploads: Vec<UploadId>,
    /// Whose rows in `extent` go.
    pub removed_owners: Vec<ExtentOwner>,
    /// Versions that come, each the current one of its key.
    pub versions: Vec<PlannedVersion<'a>>,
    /// Parts that come.
    pub parts: Vec<PlannedPart<'a>>,
    /// Extents that are the same bytes elsewhere, and whether each is in its version's own row.
    pub moves: Vec<(ExtentMove, bool)>,
    /// Blobs that come, with the bytes that live in them.
    pub blobs: Vec<(&'a NewBlob, u64)>,
    /// Blobs that were there, with the bytes that live in them now.
    pub live_bytes: Vec<(BlobId, u64)>,
    /// Blobs in which nothing lives from now on, new ones included.
    pub died: Vec<BlobId>,
    /// What to meter.
    pub flows: BTreeMap<BucketId, Flow>,
}

/// A version to insert.
#[derive(Clone, Debug)]
pub(in crate::metadata) struct PlannedVersion<'a> {
    pub bucket: BucketId,
    pub version: &'a Version,
    /// The version's, or what compaction has made of them.
    pub extents: Vec<Extent>,
    pub parts: &'a [VersionPart],
    pub encoded_bytes: u64,
}

impl PlannedVersion<'_> {
    /// The one extent, which is kept in the version's own row.
    pub(super) fn inline(&self) -> Option<&Extent> {
        if let [extent] = &*self.extents { Some(extent) } else { None }
    }
}

/// A part to insert.
#[derive(Clone, Debug)]
pub(in crate::metadata) struct PlannedPart<'a> {
    pub upload: UploadId,
    pub id: ExtentOwner,
    pub part: &'a Part,
    pub encoded_bytes: u64,
}

/// Bytes that came to and went from a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::metadata) struct Flow {
    pub encoded_added: u64,
    pub encoded_removed: u64,
    pub content_added: u64,
    pub content_removed: u64,
}

/// What a key or part number holds while the plan is made.
#[derive(Debug)]
enum Holder<'a, T> {
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

/// Makes a plan, change by change.
pub(in crate::metadata) struct Planner<'a> {
    facts: &'a Facts,
    plan: Plan<'a>,
    /// Versions and parts this plan inserts; none where a later change of the same transaction took it back.
    versions: Vec<Option<PlannedVersion<'a>>>,
    parts: Vec<Option<PlannedPart<'a>>>,
    /// What keys hold that were changed already.
    keys: HashMap<(BucketId, ObjectKey), Option<Holder<'a, CurrentFact>>>,
    numbers: HashMap<(UploadId, PartNumber), Holder<'a, PartFact>>,
    balance: Balance<'a>,
    gone: HashSet<ExtentOwner>,
}

impl<'a> Planner<'a> {
    /// Begins a plan.
    pub(in crate::metadata) fn new(facts: &'a Facts) -> Self {
        Self {
            facts,
            plan: Plan::default(),
            versions: Vec::new(),
            parts: Vec::new(),
            keys: HashMap::new(),
            numbers: HashMap::new(),
            balance: Balance::new(facts),
            gone: HashSet::new(),
        }
    }

    /// Blobs that come with this transaction.
    pub(in crate::metadata) fn blobs(&mut self, blobs: &'a [NewBlob]) {
        self.balance.bring(blobs);
    }

    /// One change of a batch. `id` becomes the owner of the extents if it is a part.
    ///
    /// # Errors
    /// When the change contradicts itself or the facts contradict each other.
    pub(in crate::metadata) fn change(&mut self, change: &'a Change, id: ExtentOwner) -> Result<Outcome> {
        match change {
            Change::Put(put) => self.put(put),
            Change::Delete(delete) => self.delete(delete),
            Change::Part(part) => self.part(part, id),
        }
    }

    fn put(&mut self, put: &'a PutChange) -> Result<Outcome> {
        if let Err(refusal) = self.admit(put.bucket, &put.version.key, &put.condition) {
            return Ok(Outcome::Refused(refusal));
        }
        if !self.has_source(put.source, &put.version.extents) || !self.balance.can_hold(&put.version.extents)? {
            return Ok(Outcome::Refused(Refusal::SourceGone));
        }
        self.place(put.bucket, &put.version, put.version.extents.clone(), &put.parts, None)?;
        Ok(Outcome::Stored)
    }

    fn delete(&mut self, delete: &'a DeleteChange) -> Result<Outcome> {
        if let Err(refusal) = self.admit(delete.bucket, &delete.key, &delete.condition) {
            return Ok(Outcome::Refused(refusal));
        }
        let place = (delete.bucket, delete.key.clone());
        let held = self.held(&place);
        if let Some(holder) = held {
            self.take_back(&place, holder)?;
            self.keys.insert(place, None);
        }
        Ok(Outcome::Deleted { existed: held.is_some() })
    }

    fn part(&mut self, change: &'a PartChange, id: ExtentOwner) -> Result<Outcome> {
        let Some(upload) = self.facts.uploads.get(&change.upload) else {
            return Ok(Outcome::Refused(Refusal::NoSuchUpload));
        };
        if !self.has_source(change.source, &change.part.extents) || !self.balance.can_hold(&change.part.extents)? {
            return Ok(Outcome::Refused(Refusal::SourceGone));
        }
        check_sum(&change.part.extents, change.part.size)?;
        let place = (change.upload, change.part.number);
        let held = self.numbers.get(&place).copied().or_else(|| self.facts.parts.get(&place).map(Holder::Row));
        match held {
            Some(Holder::Row(fact)) => self.release_part(upload.bucket, place, fact)?,
            Some(Holder::Planned(index)) => {
                if let Some(planned) = self.parts[index].take() {
                    self.balance.take(&planned.part.extents)?;
                    self.flow(upload.bucket).went(planned.encoded_bytes, planned.part.size);
                }
            }
            None => {}
        }
        let encoded_bytes = self.balance.encoded(&change.part.extents)?;
        self.balance.add(&change.part.extents);
        self.flow(upload.bucket).came(encoded_bytes, change.part.size);
        self.numbers.insert(place, Holder::Planned(self.parts.len()));
        self.parts.push(Some(PlannedPart { upload: change.upload, id, part: &change.part, encoded_bytes }));
        Ok(Outcome::Stored)
    }

    /// Makes a version of an upload's parts and releases the others. The version's extents are taken from the parts'
    /// rows: compaction may have moved them since the caller read them.
    ///
    /// # Errors
    /// When the facts contradict each other.
    pub(in crate::metadata) fn complete(&mut self, change: &'a CompleteChange) -> Result<Option<Outcome>> {
        if let Err(refusal) = self.admit(change.bucket, &change.version.key, &change.condition) {
            return Ok(Some(Outcome::Refused(refusal)));
        }
        let mut extents = Vec::new();
        let mut encoded_bytes = 0_u64;
        for (number, etag) in &change.chosen {
            let Some(part) = self.facts.parts.get(&(change.upload, *number)).filter(|part| part.etag == *etag) else {
                return Ok(None);
            };
            extents.extend_from_slice(self.facts.extents.get(&part.id).map_or(&[][..], Vec::as_slice));
            encoded_bytes = encoded_bytes.saturating_add(part.encoded_bytes);
        }
        if extents.iter().map(|extent| u128::from(extent.length)).sum::<u128>() != u128::from(change.version.size) {
            return Ok(None);
        }
        self.abort(change.upload)?;
        self.place(change.bucket, &change.version, extents, &change.parts, Some(encoded_bytes))?;
        Ok(Some(Outcome::Stored))
    }

    /// Releases all parts of an upload and the upload.
    ///
    /// # Errors
    /// When the facts contradict each other.
    pub(in crate::metadata) fn abort(&mut self, upload: UploadId) -> Result<()> {
        let Some(fact) = self.facts.uploads.get(&upload) else { return Ok(()) };
        for (place, part) in self.facts.parts.iter().filter(|((of, _), _)| *of == upload) {
            self.release_part(fact.bucket, *place, part)?;
        }
        self.plan.removed_uploads.push(upload);
        Ok(())
    }

    /// Moves extents that are still what they were; answers for each whether it moves.
    ///
    /// # Errors
    /// When a move changes the length or leaves its blob.
    pub(in crate::metadata) fn moves(&mut self, moves: &[ExtentMove]) -> Result<Vec<bool>> {
        let mut done = Vec::with_capacity(moves.len());
        let mut moved = HashSet::new();
        for wanted in moves {
            let from = &wanted.from;
            let row = usize::try_from(from.ordinal)
                .ok()
                .and_then(|ordinal| self.facts.extents.get(&from.owner)?.get(ordinal))
                .is_some_and(|row| *row == from.extent);
            if wanted.to.length != from.extent.length {
                return Err(MetadataError::Damaged("a move must keep the length of its extent".to_owned()));
            }
            let fits = row && moved.insert((from.owner, from.ordinal)) && self.balance.can_hold(&[wanted.to])?;
            if fits {
                self.balance.take(&[from.extent])?;
                self.balance.add(&[wanted.to]);
                self.plan.moves.push((*wanted, self.facts.inline.contains(&from.owner)));
            }
            done.push(fits);
        }
        Ok(done)
    }

    /// The plan: sums up what lives and what died.
    ///
    /// # Errors
    /// When more would be released than lives.
    pub(in crate::metadata) fn finish(mut self) -> Result<Plan<'a>> {
        self.plan.versions = self.versions.into_iter().flatten().collect();
        self.plan.parts = self.parts.into_iter().flatten().collect();
        for end in self.balance.close()? {
            match end.new {
                Some(new) => self.plan.blobs.push((new, end.live_bytes)),
                None => self.plan.live_bytes.push((end.id, end.live_bytes)),
            }
            if end.live_bytes == 0 {
                self.plan.died.push(end.id);
            }
        }
        Ok(self.plan)
    }

    /// Whether a key's current version lets a write pass.
    fn admit(&self, bucket: BucketId, key: &ObjectKey, condition: &WriteCondition) -> Result<(), Refusal> {
        if !self.facts.buckets.contains(&bucket) {
            return Err(Refusal::NoSuchBucket);
        }
        let current = self.held(&(bucket, key.clone())).and_then(|holder| self.etag_of(holder));
        match (condition, current) {
            (WriteCondition::None, _) | (WriteCondition::Absent | WriteCondition::Differs(_), None) => Ok(()),
            (WriteCondition::Present, Some(_)) => Ok(()),
            (WriteCondition::Matches(wanted), Some(tag)) if *wanted == tag => Ok(()),
            (WriteCondition::Differs(unwanted), Some(tag)) if *unwanted != tag => Ok(()),
            (WriteCondition::Present | WriteCondition::Matches(_) | WriteCondition::Never, None) => {
                Err(Refusal::NoSuchKey)
            }
            _ => Err(Refusal::PreconditionFailed),
        }
    }

    fn held(&self, place: &(BucketId, ObjectKey)) -> Option<Holder<'a, CurrentFact>> {
        match self.keys.get(place) {
            Some(held) => *held,
            None => self.facts.currents.get(place).map(Holder::Row),
        }
    }

    fn etag_of(&self, holder: Holder<'a, CurrentFact>) -> Option<ETag> {
        match holder {
            Holder::Row(fact) => Some(fact.etag),
            Holder::Planned(index) => self.versions[index].as_ref().map(|planned| planned.version.etag),
        }
    }

    /// Makes a version the current one of its key.
    fn place(
        &mut self,
        bucket: BucketId,
        version: &'a Version,
        extents: Vec<Extent>,
        parts: &'a [VersionPart],
        metered: Option<u64>,
    ) -> Result<()> {
        check_sum(&extents, version.size)?;
        let place = (bucket, version.key.clone());
        if let Some(holder) = self.held(&place) {
            self.take_back(&place, holder)?;
        }
        let encoded_bytes = match metered {
            Some(bytes) => bytes,
            None => self.balance.encoded(&extents)?,
        };
        self.balance.add(&extents);
        self.flow(bucket).came(encoded_bytes, version.size);
        self.keys.insert(place, Some(Holder::Planned(self.versions.len())));
        self.versions.push(Some(PlannedVersion { bucket, version, extents, parts, encoded_bytes }));
        Ok(())
    }

    /// Removes what a key holds.
    fn take_back(&mut self, place: &(BucketId, ObjectKey), holder: Holder<'a, CurrentFact>) -> Result<()> {
        match holder {
            Holder::Row(fact) => {
                let owner = ExtentOwner(fact.id.0);
                self.release(owner, fact.size)?;
                self.plan.removed_versions.push((place.0, place.1.clone(), fact.seq));
                if fact.has_parts {
                    self.plan.removed_version_parts.push(fact.id);
                }
                self.flow(place.0).went(fact.encoded_bytes, fact.size);
            }
            Holder::Planned(index) => {
                if let Some(planned) = self.versions[index].take() {
                    self.balance.take(&planned.extents)?;
                    self.flow(place.0).went(planned.encoded_bytes, planned.version.size);
                }
            }
        }
        Ok(())
    }

    fn release_part(&mut self, bucket: BucketId, place: (UploadId, PartNumber), fact: &PartFact) -> Result<()> {
        self.release(fact.id, fact.size)?;
        self.plan.removed_parts.push(place);
        self.flow(bucket).went(fact.encoded_bytes, fact.size);
        Ok(())
    }

    fn release(&mut self, owner: ExtentOwner, size: u64) -> Result<()> {
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

    /// Whether the version that is copied is still there. One without bytes leaves no trace, and has nothing to lose.
    fn has_source(&self, source: Option<VersionId>, extents: &[Extent]) -> bool {
        let is_there = |id: VersionId| self.facts.sources.contains(&id) && !self.gone.contains(&ExtentOwner(id.0));
        extents.is_empty() || source.is_none_or(is_there)
    }

    fn flow(&mut self, bucket: BucketId) -> &mut Flow {
        self.plan.flows.entry(bucket).or_default()
    }
}

impl Flow {
    fn came(&mut self, encoded: u64, content: u64) {
        self.encoded_added = self.encoded_added.saturating_add(encoded);
        self.content_added = self.content_added.saturating_add(content);
    }

    fn went(&mut self, encoded: u64, content: u64) {
        self.encoded_removed = self.encoded_removed.saturating_add(encoded);
        self.content_removed = self.content_removed.saturating_add(content);
    }
}

fn check_sum(extents: &[Extent], size: u64) -> Result<()> {
    let sum = extents.iter().map(|extent| u128::from(extent.length)).sum::<u128>();
    if sum == u128::from(size) {
        Ok(())
    } else {
        Err(MetadataError::Damaged(format!("extents of {sum} bytes for content of {size}")))
    }
}

#[cfg(test)]
mod tests;
