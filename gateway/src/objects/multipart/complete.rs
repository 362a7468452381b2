//! Completing multipart uploads: metadata only.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{
    Bucket, Checksum, ChecksumAlgorithm, ChecksumKind, ContentRun, ContentRuns, ObjectAttributes, Part, PartNumber,
    Upload, Version, VersionPart, Versioning,
};
use crate::metadata::{CompleteChange, CompleteOutcome, CompletedUpload, PartRevision};
use crate::objects::Objects;
use crate::objects::digests::combine;
use crate::objects::error::ObjectsError;
use crate::objects::reporting::notifications::PotentialEvent;
use crate::objects::requests::{ChosenPart, ClaimedChecksum, CompleteUpload, Stored};

/// The least a part may have unless it is the last.
const PART_BYTES_MIN: u64 = 5 << 20;

/// Parts may be replaced between reading them and completing; after this many such races the client gets a retryable error.
const ATTEMPTS_MAX: usize = 5;

impl Objects {
    /// Completes an upload. Doing it again within a day gives the same answer.
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
            let chosen = choose_parts(&complete.parts, &parts)?;
            let change = self.plan(&complete, &upload, &chosen)?;
            let stored = Stored {
                name: None,
                etag: change.version.etag,
                checksum: change.version.checksum.clone(),
                encryption: change.version.attributes.encryption.clone(),
                size: change.version.size,
                modified_at: change.version.modified_at,
            };
            match self.inner.metadata.complete_upload(self.inner.id_generator.incarnation(), change).await? {
                CompleteOutcome::Completed { name } => return Ok(Stored { name, ..stored }),
                CompleteOutcome::AlreadyCompleted(before) => return Ok(stored_before(before, &complete.bucket)),
                CompleteOutcome::NoSuchUpload => return Err(ObjectsError::NoSuchUpload),
                CompleteOutcome::Refused(refusal) => return Err(refusal.into()),
                CompleteOutcome::PartsChanged => {}
            }
        }
        Err(ObjectsError::ConditionConflict)
    }

    async fn completed_before(&self, complete: &CompleteUpload) -> Result<Stored, ObjectsError> {
        let before = self.inner.metadata.completed_upload(complete.bucket.id, &complete.key, &complete.upload).await?;
        before.map(|before| stored_before(before, &complete.bucket)).ok_or(ObjectsError::NoSuchUpload)
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
        if let Some(promised) = complete.object_size.filter(|promised| *promised != size) {
            return Err(ObjectsError::OtherSize { promised, actual: size });
        }
        let version = Version {
            id: self.inner.id_generator.version(),
            null: true,
            lock: upload.lock,
            key: upload.key.clone(),
            size,
            etag: combine::etag(chosen),
            modified_at: self.inner.id_generator.now(),
            attributes: with_runs(upload, chosen),
            checksum: whole_checksum(complete, upload, chosen)?,
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

/// The parts a client names, checked against those there are.
fn choose_parts(named: &[ChosenPart], parts: &[Part]) -> Result<Vec<Part>, ObjectsError> {
    if named.is_empty() {
        return Err(ObjectsError::InvalidRequest("You must specify at least one part"));
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
            chosen.checksums.iter().try_for_each(|named| check_part(part, named))?;
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

/// Whether a checksum that the client repeats for a part is the part's own.
fn check_part(part: &Part, (algorithm, value): &(ChecksumAlgorithm, Vec<u8>)) -> Result<(), ObjectsError> {
    match &part.checksum {
        Some(own) if own.algorithm != *algorithm => Err(ObjectsError::InvalidRequest(
            "The checksum that the complete request names for a part is of another algorithm than the part's.",
        )),
        Some(own) if own.value == *value => Ok(()),
        Some(_) => Err(ObjectsError::InvalidPart { number: part.number, etag: Some(part.etag) }),
        None => Err(ObjectsError::InvalidRequest(
            "The complete request names a checksum for a part that was uploaded without one.",
        )),
    }
}

/// The checksum of the whole, compared with what the client says it is. An upload that was created without one has none, but what
/// the client says must still be true.
fn whole_checksum(
    complete: &CompleteUpload,
    upload: &Upload,
    chosen: &[Part],
) -> Result<Option<Checksum>, ObjectsError> {
    let claimed = complete.checksum.as_ref();
    let (algorithm, kind) = match (upload.checksum, claimed) {
        (Some(planned), _) => planned,
        (None, Some(claimed)) => {
            let by_value = if claimed.parts.is_some() { ChecksumKind::Composite } else { ChecksumKind::FullObject };
            (claimed.algorithm, complete.checksum_kind.unwrap_or(by_value))
        }
        (None, None) => return Ok(None),
    };
    if complete.checksum_kind.is_some_and(|named| named != kind) {
        return Err(ObjectsError::InvalidRequest("the checksum type is not the one the upload was created with"));
    }
    if claimed.is_some_and(|claimed| claimed.algorithm != algorithm) {
        return Err(ObjectsError::InvalidRequest(
            "the checksum is of another algorithm than the upload was created with",
        ));
    }
    let checksum = combine::checksum(chosen, algorithm, kind)?;
    if claimed.is_some_and(|claimed| !is_true(claimed, &checksum, chosen.len())) {
        return Err(ObjectsError::BadDigest(algorithm.name()));
    }
    Ok(upload.checksum.map(|_| checksum))
}

/// Whether the client says the right value, and behind a composite one, if anything, the number of parts.
fn is_true(claimed: &ClaimedChecksum, checksum: &Checksum, parts: usize) -> bool {
    let number = match checksum.kind {
        ChecksumKind::Composite => claimed.parts.is_none_or(|named| named == parts),
        ChecksumKind::FullObject => claimed.parts.is_none(),
    };
    number && claimed.value == checksum.value
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
        let chosen = choose_parts(&[named(1), named(3), named(7)], &there).expect("all there");
        assert_eq!(chosen.len(), 3, "gaps are allowed and the last may be small");
        assert_eq!(choose_parts(&[named(3), named(7)], &there).expect("some are enough").len(), 2);
        assert!(matches!(choose_parts(&[], &there), Err(ObjectsError::InvalidRequest(_))));
        assert!(matches!(choose_parts(&[named(3), named(1)], &there), Err(ObjectsError::InvalidPartOrder)));
        assert!(matches!(choose_parts(&[named(1), named(1)], &there), Err(ObjectsError::InvalidPartOrder)));
        assert!(matches!(choose_parts(&[named(2)], &there), Err(ObjectsError::InvalidPart { .. })));
        let forged = ChosenPart { etag: Some(ETag::of_content([9; 16])), ..named(1) };
        assert!(matches!(choose_parts(&[forged], &there), Err(ObjectsError::InvalidPart { .. })));
        let small = [part(1, PART_BYTES_MIN - 1), part(2, 1)];
        assert!(matches!(choose_parts(&[named(1), named(2)], &small), Err(ObjectsError::PartTooSmall { .. })));
    }

    #[test]
    fn a_part_has_no_checksum_but_its_own() {
        use ChecksumAlgorithm::{Crc32, Crc32c};
        let own = Checksum { algorithm: Crc32, kind: ChecksumKind::FullObject, value: vec![1, 2, 3, 4] };
        let with = Part { checksum: Some(own), ..part(1, 1) };
        let without = part(2, 1);
        assert!(check_part(&with, &(Crc32, vec![1, 2, 3, 4])).is_ok());
        assert!(matches!(check_part(&with, &(Crc32, vec![1, 2, 3, 5])), Err(ObjectsError::InvalidPart { .. })));
        assert!(matches!(check_part(&with, &(Crc32c, vec![1, 2, 3, 4])), Err(ObjectsError::InvalidRequest(_))));
        assert!(matches!(check_part(&without, &(Crc32, vec![1, 2, 3, 4])), Err(ObjectsError::InvalidRequest(_))));
    }

    #[test]
    fn a_claim_about_the_whole_has_the_value_and_the_number_of_parts() {
        let claim = |last, parts| ClaimedChecksum { algorithm: ChecksumAlgorithm::Crc32, value: vec![0, last], parts };
        let table = [
            (ChecksumKind::Composite, claim(1, Some(3)), true),
            (ChecksumKind::Composite, claim(1, None), true),
            (ChecksumKind::Composite, claim(1, Some(2)), false),
            (ChecksumKind::Composite, claim(2, Some(3)), false),
            (ChecksumKind::FullObject, claim(1, None), true),
            (ChecksumKind::FullObject, claim(1, Some(3)), false),
            (ChecksumKind::FullObject, claim(2, None), false),
        ];
        for (kind, claimed, right) in table {
            let checksum = Checksum { algorithm: ChecksumAlgorithm::Crc32, kind, value: vec![0, 1] };
            assert_eq!(is_true(&claimed, &checksum, 3), right, "{kind:?} {claimed:?}");
        }
    }
}
