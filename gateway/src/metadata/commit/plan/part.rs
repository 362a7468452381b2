//! Writing a part.

use crate::domain::{BucketId, PartNumber, UploadId};
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::commit::change::PartChange;
use crate::metadata::commit::facts::PartFact;
use crate::metadata::commit::outcome::{Outcome, Refusal, StoredVersion};
use crate::metadata::commit::plan::chain::RowOrPlanned;
use crate::metadata::commit::plan::planned::{PlannedPart, check_sum};
use crate::metadata::commit::plan::planner::Planner;
use crate::metadata::error::Result;

impl<'a> Planner<'a> {
    pub(super) fn part(&mut self, change: &'a PartChange, id: ExtentOwner) -> Result<Outcome> {
        let Some(upload) = self.facts.uploads.get(&change.upload) else {
            return Ok(Outcome::Refused(Refusal::NoSuchUpload));
        };
        if !self.has_source(change.source, &change.part.extents) || !self.balance.can_hold(&change.part.extents)? {
            return Ok(Outcome::Refused(Refusal::SourceGone));
        }
        check_sum(&change.part.extents, change.part.size)?;
        let location = (change.upload, change.part.number);
        let held =
            self.numbers.get(&location).copied().or_else(|| self.facts.parts.get(&location).map(RowOrPlanned::Row));
        let goes = match held {
            Some(RowOrPlanned::Row(fact)) => fact.size,
            Some(RowOrPlanned::Planned(index)) => self.parts[index].as_ref().map_or(0, |planned| planned.part.size),
            None => 0,
        };
        if let Some(fact) = self.facts.buckets.get(&upload.bucket)
            && !self.fits_quota(upload.bucket, *fact, i128::from(change.part.size) - i128::from(goes), 0)
        {
            return Ok(Outcome::Refused(Refusal::QuotaExceeded));
        }
        match held {
            Some(RowOrPlanned::Row(fact)) => self.release_part(upload.bucket, location, fact)?,
            Some(RowOrPlanned::Planned(index)) => {
                if let Some(planned) = self.parts[index].take() {
                    self.balance.take(&planned.part.extents)?;
                    self.flow(upload.bucket).record_removed(planned.encoded_bytes, planned.part.size);
                }
            }
            None => {}
        }
        let encoded_bytes = self.balance.encoded(&change.part.extents)?;
        let written = self.balance.newly_encoded(&change.part.extents)?;
        self.balance.add(&change.part.extents);
        let flow = self.flow(upload.bucket);
        flow.record_added(encoded_bytes, change.part.size);
        flow.record_written(written);
        self.numbers.insert(location, RowOrPlanned::Planned(self.parts.len()));
        self.parts.push(Some(PlannedPart { upload: change.upload, id, part: &change.part, encoded_bytes }));
        Ok(Outcome::Stored(StoredVersion::default()))
    }

    pub(super) fn release_part(
        &mut self,
        bucket: BucketId,
        location: (UploadId, PartNumber),
        fact: &PartFact,
    ) -> Result<()> {
        self.release(fact.id, fact.size)?;
        self.plan.removed_parts.push(location);
        self.flow(bucket).record_removed(fact.encoded_bytes, fact.size);
        Ok(())
    }
}
