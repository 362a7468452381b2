//! Completing and aborting uploads.

use std::borrow::Cow;

use crate::domain::{UploadId, WriteCondition};
use crate::metadata::commit::Refusal;
use crate::metadata::commit::facts::{BegunOver, PartFact};
use crate::metadata::commit::plan::planned::Growth;
use crate::metadata::commit::plan::planner::Planner;
use crate::metadata::error::Result;
use crate::metadata::objects::complete::{CompleteChange, CompleteOutcome};

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
        self.abort(change.upload)?;
        let (version, parts) = (Cow::Borrowed(&change.version), Cow::Borrowed(&*change.parts));
        let name = self.insert_current(change.bucket, fact, version, extents, parts, Some(encoded_bytes))?;
        Ok(CompleteOutcome::Completed { name })
    }

    /// Whether the key holds another version than when the upload began. Its content may be the same.
    fn changed_since_begun(&mut self, change: &CompleteChange) -> bool {
        let current = self.view(&(change.bucket, change.version.key.clone()), 0).map(|view| view.id);
        match self.facts.uploads.get(&change.upload).map(|fact| fact.begun_over) {
            Some(BegunOver::Current(before)) => before != current,
            Some(BegunOver::Unknown) | None => false,
        }
    }

    /// Releases all parts of an upload and the upload.
    ///
    /// # Errors
    /// When the facts contradict each other.
    pub(in crate::metadata) fn abort(&mut self, upload: UploadId) -> Result<()> {
        let Some(fact) = self.facts.uploads.get(&upload) else { return Ok(()) };
        for (location, part) in self.facts.parts.iter().filter(|((of, _), _)| *of == upload) {
            self.release_part(fact.bucket, *location, part)?;
        }
        self.plan.removed_uploads.push(upload);
        self.flow(fact.bucket).extras -= 1;
        Ok(())
    }
}
