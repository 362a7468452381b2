//! Completing and aborting uploads.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::domain::{BucketId, PartNumber, UploadId, WriteCondition};
use crate::metadata::commit::Refusal;
use crate::metadata::commit::facts::{BegunOver, PartFact};
use crate::metadata::commit::plan::planned::{Growth, LeftBehind, check_sum};
use crate::metadata::commit::plan::planner::Planner;
use crate::metadata::error::Result;
use crate::metadata::objects::complete::{CompleteChange, CompleteOutcome};

/// What the parts of an upload come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::metadata) struct PartSums {
    /// Bytes of content.
    pub size: u64,
    /// What was metered for them.
    pub encoded_bytes: u64,
}

impl<'a> Planner<'a> {
    /// Makes a version of an upload's parts and releases the others. The version's extents are taken from the parts'
    /// rows: compaction may have moved them since the caller read them.
    ///
    /// # Errors
    /// When the facts contradict each other.
    pub(in crate::metadata) fn complete(&mut self, change: &'a CompleteChange) -> Result<CompleteOutcome> {
        let fact = match self.check_condition(change.bucket, &change.version.key, &change.condition) {
            Ok(fact) => fact,
            Err(refusal) => return Ok(CompleteOutcome::Refused(refusal)),
        };
        if change.condition != WriteCondition::None && self.changed_since_begun(change) {
            return Ok(CompleteOutcome::Refused(Refusal::KeyChanged));
        }
        let mut extents = Vec::new();
        let mut encoded_bytes = 0_u64;
        for chosen in &change.chosen {
            let is_that = |part: &&PartFact| part.etag == chosen.etag && part.salt == chosen.salt;
            let Some(part) = self.facts.parts.get(&(change.upload, chosen.number)).filter(is_that) else {
                return Ok(CompleteOutcome::PartsChanged);
            };
            extents.extend_from_slice(self.facts.extents.get(&part.id).map_or(&[][..], Vec::as_slice));
            encoded_bytes = encoded_bytes.saturating_add(part.encoded_bytes);
        }
        if extents.iter().map(|extent| u128::from(extent.length)).sum::<u128>() != u128::from(change.version.size) {
            return Ok(CompleteOutcome::PartsChanged);
        }
        let location = (change.bucket, change.version.key.clone());
        // Its bytes are in the sums already, as parts.
        let comes = Growth { bytes: 0, objects: 1 };
        if let Some(refusal) = self.refused(&location, fact, change.version.lock, comes)? {
            return Ok(CompleteOutcome::Refused(refusal));
        }
        let chosen = change.chosen.iter().map(|chosen| chosen.number).collect();
        self.release_upload(change.upload, &chosen)?;
        let (version, parts) = (Cow::Borrowed(&change.version), Cow::Borrowed(&*change.parts));
        let stored = self.insert_current(change.bucket, fact, version, extents, parts, Some(encoded_bytes))?;
        Ok(CompleteOutcome::Completed(stored))
    }

    /// Whether the key holds another version than when the upload began. Its content may be the same.
    fn changed_since_begun(&mut self, change: &CompleteChange) -> bool {
        let current = self.view(&(change.bucket, change.version.key.clone()), 0).map(|view| view.id);
        match self.facts.uploads.get(&change.upload).map(|fact| fact.begun_over) {
            Some(BegunOver::Current(before)) => before != current,
            Some(BegunOver::Unknown) | None => false,
        }
    }

    /// Ends an upload whose parts, which come to these sums, are removed later.
    pub(in crate::metadata) fn abandon(&mut self, bucket: BucketId, upload: UploadId, sums: PartSums) {
        let flow = self.flow(bucket);
        flow.extras -= 1;
        flow.record_removed(sums.encoded_bytes, sums.size);
        self.plan.removed_uploads.push(upload);
        self.plan.left_behind.push(LeftBehind::Upload(upload));
    }

    /// Releases the parts of an upload and the upload. The extents of the chosen parts are handed over: what lives in their blobs stays
    /// what it is, so that the blobs are neither read nor locked, of which there may be as many as parts.
    fn release_upload(&mut self, upload: UploadId, chosen: &HashSet<PartNumber>) -> Result<()> {
        let facts = self.facts;
        let Some(fact) = facts.uploads.get(&upload) else { return Ok(()) };
        for (location, part) in facts.parts.iter().filter(|((of, _), _)| *of == upload) {
            if chosen.contains(&location.1) {
                self.hand_over_part(fact.bucket, *location, part)?;
            } else {
                self.release_part(fact.bucket, *location, part)?;
            }
        }
        self.plan.removed_uploads.push(upload);
        self.flow(fact.bucket).extras -= 1;
        Ok(())
    }

    fn hand_over_part(&mut self, bucket: BucketId, location: (UploadId, PartNumber), part: &PartFact) -> Result<()> {
        let extents = self.facts.extents.get(&part.id).map_or(&[][..], Vec::as_slice);
        check_sum(extents, part.size)?;
        self.balance.hand_over(extents);
        if !extents.is_empty() {
            self.plan.removed_owners.push(part.id);
        }
        self.gone.insert(part.id);
        self.plan.removed_parts.push(location);
        self.flow(bucket).record_removed(part.encoded_bytes, part.size);
        Ok(())
    }
}
