//! Completing multipart uploads: metadata only.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{
    Bucket, ContentRun, ContentRuns, ObjectAttributes, Part, PartNumber, Upload, Version, VersionLookup, VersionPart,
    Versioning, WriteCondition,
};
use crate::metadata::{CompleteChange, CompleteOutcome, CompletedUpload, PartRevision, StoredVersion};
use crate::objects::Objects;
use crate::objects::digests::combine;
use crate::objects::error::{ObjectsError, fail_at};
use crate::objects::multipart::claims::{self, NO_PART};
use crate::objects::reporting::notifications::PotentialEvent;
use crate::objects::requests::{ChosenPart, CompleteUpload, Stored};

/// The least a part may have unless it is the last.
const PART_BYTES_MIN: u64 = 5 << 20;

/// Parts may be replaced between reading them and completing; after this many such races the client gets a retryable error.
const ATTEMPTS_MAX: usize = 5;

impl Objects {
    /// Completes an upload. Doing it again within a day gives the same answer, if what it says is true again.
    ///
    /// # Errors
    /// See [`ObjectsError`]; the upload and its parts are untouched.
    pub async fn complete_upload(&self, complete: CompleteUpload) -> Result<Stored, ObjectsError> {
        for _ in 0..ATTEMPTS_MAX {
            let upload = match self.upload(&complete.bucket, &complete.key, &complete.upload).await {
                Ok(upload) => upload,
                Err(ObjectsError::NoSuchUpload) => return self.completed_before(&complete).await,
                Err(error) => return Err(error),
            };
            let parts = self.all_parts(&upload).await?;
            let chosen = choose_parts(&complete.parts, &parts, upload.checksum.is_some())?;
            let change = self.plan(&complete, &upload, &chosen)?;
            let stored = Stored {
                name: None,
                etag: change.version.etag,
                checksum: change.version.checksum.clone(),
                encryption: change.version.attributes.encryption.clone(),
                size: change.version.size,
                modified_at: change.version.modified_at,
            };
            fail_at("upload-chosen")?;
            match self.inner.metadata.complete_upload(self.inner.id_generator.incarnation(), change).await? {
                CompleteOutcome::Completed(StoredVersion { name, is_guarded }) => {
                    fail_at("upload-completed")?;
                    self.await_journal_if(is_guarded).await?;
                    return Ok(Stored { name, ..stored });
                }
                CompleteOutcome::AlreadyCompleted(before) => return self.repeated(&complete, before).await,
                CompleteOutcome::NoSuchUpload => return Err(ObjectsError::NoSuchUpload),
                CompleteOutcome::Refused(refusal) => return Err(refusal.into()),
                CompleteOutcome::PartsChanged => {}
            }
        }
        Err(ObjectsError::ConditionConflict)
    }

    async fn completed_before(&self, complete: &CompleteUpload) -> Result<Stored, ObjectsError> {
        let before = self.inner.metadata.completed_upload(complete.bucket.id, &complete.key, &complete.upload).await?;
        self.repeated(complete, before.ok_or(ObjectsError::NoSuchUpload)?).await
    }

    /// The answer to a request whose upload was completed before: what that was, if all that this one says about it is true.
    ///
    /// While the key holds the object that the upload became, a condition is as good as it was then: it was decided with the object that was
    /// there before, and this may be the same request, whose answer was lost. Later it is decided again.
    async fn repeated(&self, complete: &CompleteUpload, before: CompletedUpload) -> Result<Stored, ObjectsError> {
        claims::check_repeated(complete, &before)?;
        if complete.condition != WriteCondition::None {
            let current = self.current(&complete.bucket, &complete.key).await?;
            if current.as_ref().is_none_or(|version| (version.id, version.etag) != (before.version, before.etag)) {
                complete.condition.check(current.map(|version| version.etag))?;
            }
        }
        // The first answer may have been that the journal lacks it.
        let lookup = self.find(&complete.bucket, &complete.key, before.name.into()).await?;
        self.await_journal_if(matches!(lookup, VersionLookup::Version(version) if version.is_guarded())).await?;
        Ok(stored_before(before, &complete.bucket))
    }

    /// Every part of an upload, ascending by number.
    async fn all_parts(&self, upload: &Arc<Upload>) -> Result<Vec<Part>, ObjectsError> {
        let limit = usize::from(PartNumber::MAX);
        Ok(self.inner.metadata.parts(&upload.id, 0, limit).await?)
    }

    /// The version to be: the chosen parts' extents one after the other.
    fn plan(
        &self,
        complete: &CompleteUpload,
        upload: &Upload,
        chosen: &[Part],
    ) -> Result<CompleteChange, ObjectsError> {
        let size = chosen.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.size));
        let size = size.filter(|size| *size <= self.inner.settings.object_bytes_max).ok_or(ObjectsError::TooLarge)?;
        claims::check_size(complete.object_size, size)?;
        let version = Version {
            id: self.inner.id_generator.version(),
            null: true,
            lock: upload.lock,
            key: upload.key.clone(),
            size,
            etag: combine::etag(chosen.iter().map(|part| part.etag.md5)),
            modified_at: self.inner.id_generator.now(),
            attributes: with_runs(upload, chosen),
            checksum: claims::whole_checksum(complete.checksum.as_ref(), complete.checksum_kind, upload, chosen)?,
            extents: chosen.iter().flat_map(|part| part.extents.iter().copied()).collect(),
        };
        let potential_event =
            PotentialEvent::stored("ObjectCreated:CompleteMultipartUpload", version.size, version.etag);
        let events = self.inner.drafts(&complete.bucket, &version.key, complete.origin.as_ref(), &[potential_event])?;
        let part = |part: &Part| VersionPart { number: part.number, size: part.size, checksum: part.checksum.clone() };
        Ok(CompleteChange {
            bucket: complete.bucket.id,
            upload: upload.id,
            chosen: chosen.iter().map(PartRevision::from).collect(),
            version,
            parts: chosen.iter().map(part).collect(),
            condition: complete.condition.clone(),
            events,
        })
    }
}

/// What the upload carries; if its parts are enciphered, each as a run of its own.
fn with_runs(upload: &Upload, chosen: &[Part]) -> ObjectAttributes {
    let mut attributes = upload.attributes.clone();
    if let Some(encryption) = &mut attributes.encryption {
        let run = |part: &Part| Some(ContentRun { length: Some(part.size), salt: part.salt? });
        encryption.runs = ContentRuns(chosen.iter().filter_map(run).collect());
    }
    attributes
}

fn stored_before(before: CompletedUpload, bucket: &Bucket) -> Stored {
    let CompletedUpload { version: _, etag, checksum, size, modified_at, name } = before;
    let name = (bucket.versioning != Versioning::Never).then_some(name);
    Stored { name, etag, checksum, encryption: None, size, modified_at }
}

/// The parts a client names, checked against those there are. `planned` says that the upload was created with a checksum.
fn choose_parts(named: &[ChosenPart], parts: &[Part], planned: bool) -> Result<Vec<Part>, ObjectsError> {
    if named.is_empty() {
        return Err(ObjectsError::InvalidRequest(NO_PART));
    }
    if !named.is_sorted_by(|a, b| a.number < b.number) {
        return Err(ObjectsError::InvalidPartOrder);
    }
    let by_number: HashMap<PartNumber, &Part> = parts.iter().map(|part| (part.number, part)).collect();
    let chosen: Vec<Part> = named
        .iter()
        .map(|chosen| {
            let part = by_number.get(&chosen.number).filter(|part| chosen.etag == Some(part.etag));
            let part = part.ok_or(ObjectsError::InvalidPart { number: chosen.number, etag: chosen.etag })?;
            chosen.checksums.iter().try_for_each(|named| claims::check_part(part, named, planned))?;
            Ok((*part).clone())
        })
        .collect::<Result<_, ObjectsError>>()?;
    match chosen.split_last() {
        Some((_, others)) => match others.iter().find(|part| part.size < PART_BYTES_MIN) {
            Some(Part { number, etag, size, .. }) => {
                Err(ObjectsError::PartTooSmall { number: *number, etag: *etag, size: *size, least: PART_BYTES_MIN })
            }
            None => Ok(chosen),
        },
        None => Ok(chosen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ETag, Timestamp};

    fn part(number: i64, size: u64) -> Part {
        Part {
            number: PartNumber::new(number).expect("valid"),
            size,
            etag: ETag::of_content([u8::try_from(number).expect("small"); 16]),
            checksum: None,
            modified_at: Timestamp(0),
            extents: Vec::new(),
            salt: None,
        }
    }

    fn named(number: i64) -> ChosenPart {
        let part = part(number, 0);
        ChosenPart { number: part.number, etag: Some(part.etag), checksums: Vec::new() }
    }

    #[test]
    fn parts_are_chosen_by_number_and_tag_in_ascending_order() {
        let there = [part(1, PART_BYTES_MIN), part(3, PART_BYTES_MIN), part(7, 1)];
        let chosen = choose_parts(&[named(1), named(3), named(7)], &there, true).expect("all there");
        assert_eq!(chosen.len(), 3, "gaps are allowed and the last may be small");
        assert_eq!(choose_parts(&[named(3), named(7)], &there, true).expect("some are enough").len(), 2);
        assert!(matches!(choose_parts(&[], &there, true), Err(ObjectsError::InvalidRequest(_))));
        assert!(matches!(choose_parts(&[named(3), named(1)], &there, true), Err(ObjectsError::InvalidPartOrder)));
        assert!(matches!(choose_parts(&[named(1), named(1)], &there, true), Err(ObjectsError::InvalidPartOrder)));
        assert!(matches!(choose_parts(&[named(2)], &there, true), Err(ObjectsError::InvalidPart { .. })));
        let forged = ChosenPart { etag: Some(ETag::of_content([9; 16])), ..named(1) };
        assert!(matches!(choose_parts(&[forged], &there, true), Err(ObjectsError::InvalidPart { .. })));
        let small = [part(1, PART_BYTES_MIN - 1), part(2, 1)];
        assert!(matches!(choose_parts(&[named(1), named(2)], &small, true), Err(ObjectsError::PartTooSmall { .. })));
    }
}
