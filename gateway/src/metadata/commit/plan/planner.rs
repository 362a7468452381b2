//! The planner: takes changes one after the other and says in the end what all of them come to.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::{BucketId, Extent, PartNumber, UploadId, VersionId};
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::commit::balance::Balance;
use crate::metadata::commit::change::{Change, NewBlob};
use crate::metadata::commit::facts::{Facts, KeyLocation, PartFact};
use crate::metadata::commit::outcome::Outcome;
use crate::metadata::commit::plan::chain::{Chain, RowOrPlanned};
use crate::metadata::commit::plan::planned::{Amended, AppendedVersion, Flow, Plan, PlannedPart, PlannedVersion};
use crate::metadata::commit::plan::quota_sums;
use crate::metadata::error::Result;

/// Makes a plan, change by change.
pub(in crate::metadata) struct Planner<'a> {
    pub(super) facts: &'a Facts,
    pub(super) plan: Plan<'a>,
    /// Versions and parts this plan inserts; none where a later change of the same transaction took it back.
    pub(super) versions: Vec<Option<PlannedVersion<'a>>>,
    pub(super) parts: Vec<Option<PlannedPart<'a>>>,
    /// What keys hold that were looked at already.
    pub(super) keys: HashMap<KeyLocation, Chain<'a>>,
    pub(super) numbers: HashMap<(UploadId, PartNumber), RowOrPlanned<'a, PartFact>>,
    /// What is said of rows from now on.
    pub(super) amended: BTreeMap<VersionId, Amended>,
    /// Rows that get more content.
    pub(super) appended: BTreeMap<VersionId, AppendedVersion>,
    pub(super) balance: Balance<'a>,
    pub(super) gone: HashSet<ExtentOwner>,
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
            amended: BTreeMap::new(),
            appended: BTreeMap::new(),
            balance: Balance::new(facts),
            gone: HashSet::new(),
        }
    }

    /// Blobs that come with this transaction.
    pub(in crate::metadata) fn blobs(&mut self, blobs: &'a [NewBlob]) {
        self.balance.bring(blobs);
    }

    /// A record of the journal comes to own extents.
    pub(in crate::metadata) fn hold(&mut self, owner: ExtentOwner, extents: Vec<Extent>) {
        self.balance.add(&extents);
        self.plan.held.push((owner, extents));
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
            Change::Amend(amend) => self.amend(amend),
            Change::Rename(rename) => self.rename(rename),
            Change::Append(append) => self.append(append),
        }
    }

    /// The plan: says which versions are current, sums up what lives and what died.
    ///
    /// # Errors
    /// When more would be released than lives.
    pub(in crate::metadata) fn finish(mut self) -> Result<Plan<'a>> {
        let mut keys: Vec<_> = std::mem::take(&mut self.keys).into_iter().collect();
        // One order for every gateway, as for everything that is locked or written.
        keys.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (location, chain) in keys {
            self.set_current(&location, &chain);
        }
        self.plan.versions = self.versions.into_iter().flatten().collect();
        self.plan.amended = self.amended.into_values().collect();
        self.plan.amended.sort_unstable_by(|a, b| a.row.cmp(&b.row));
        self.plan.appended = self.appended.into_values().collect();
        self.plan.appended.sort_unstable_by(|a, b| a.row.cmp(&b.row));
        self.plan.parts = self.parts.into_iter().flatten().collect();
        self.plan.sums = quota_sums::sums(self.facts, &self.plan.flows);
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

    pub(super) fn flow(&mut self, bucket: BucketId) -> &mut Flow {
        self.plan.flows.entry(bucket).or_default()
    }
}
