//! What a client says when it completes an upload: which checksums, types and sizes. All of it is true, or nothing is completed.

use crate::domain::{Checksum, ChecksumAlgorithm, ChecksumKind, Part, Upload};
use crate::metadata::CompletedUpload;
use crate::objects::digests::combine;
use crate::objects::error::ObjectsError;
use crate::objects::requests::{ClaimedChecksum, CompleteUpload};

pub(super) const NO_PART: &str = "You must specify at least one part";
const OTHER_ALGORITHM: &str =
    "The checksum is of another algorithm than those of the upload's parts, so that it cannot be verified.";
const FULL_OBJECT_MODE: &str =
    "The upload was created using the FULL_OBJECT checksum mode. The complete request must use the same checksum mode.";
const COMPOSITE_MODE: &str =
    "The upload was created using the COMPOSITE checksum mode. The complete request must use the same checksum mode.";
const NULL_MODE: &str =
    "The upload was created using the null checksum mode. The complete request must use the same checksum mode.";

/// Whether a checksum that the client repeats for a part is the part's own. Where the upload has none, neither have its parts,
/// as far as clients know: then it is the part that does not match.
pub(super) fn check_part(
    part: &Part,
    (algorithm, value): &(ChecksumAlgorithm, Vec<u8>),
    planned: bool,
) -> Result<(), ObjectsError> {
    match &part.checksum {
        Some(own) if own.algorithm == *algorithm && own.value == *value => Ok(()),
        Some(own) if own.algorithm != *algorithm && planned => Err(ObjectsError::InvalidRequest(
            "The checksum that the complete request names for a part is of another algorithm than the part's.",
        )),
        None if planned => Err(ObjectsError::InvalidRequest(
            "The complete request names a checksum for a part that was uploaded without one.",
        )),
        _ => Err(ObjectsError::InvalidPart { number: part.number, etag: Some(part.etag) }),
    }
}

/// The checksum of the whole, compared with what the client says it is. An upload that was created without one gets the default
/// one, and what the client says must be true all the same.
pub(super) fn whole_checksum(
    claimed: Option<&ClaimedChecksum>,
    named: Option<ChecksumKind>,
    upload: &Upload,
    chosen: &[Part],
) -> Result<Option<Checksum>, ObjectsError> {
    check_kind(named, upload.checksum.map(|(_, kind)| kind))?;
    let (algorithm, kind) = upload.checksum.unwrap_or((ChecksumAlgorithm::DEFAULT, ChecksumKind::FullObject));
    if claimed.is_some_and(|claimed| claimed.algorithm != algorithm) {
        return Err(ObjectsError::InvalidRequest(OTHER_ALGORITHM));
    }
    let old = |part: &Part| part.checksum.as_ref().is_none_or(|sum| sum.algorithm != algorithm);
    if upload.checksum.is_none() && claimed.is_none() && chosen.iter().any(old) {
        return Ok(None);
    }
    let checksum = combine::checksum(chosen, algorithm, kind)?;
    if claimed.is_some_and(|claimed| !is_true(claimed, &checksum, chosen.len())) {
        return Err(ObjectsError::BadDigest(algorithm.name()));
    }
    Ok(Some(checksum))
}

/// Whether a request that completes an upload once more says of the object what is true of it.
///
/// The parts are gone by then, and with them what was known of each: their tags must still add up to the object's.
pub(super) fn check_repeated(complete: &CompleteUpload, before: &CompletedUpload) -> Result<(), ObjectsError> {
    let first = complete.parts.first().ok_or(ObjectsError::InvalidRequest(NO_PART))?;
    let tags: Option<Vec<_>> = complete.parts.iter().map(|part| Some(part.etag?.md5)).collect();
    if tags.is_none_or(|tags| combine::etag(tags.into_iter()) != before.etag) {
        return Err(ObjectsError::InvalidPart { number: first.number, etag: first.etag });
    }
    check_size(complete.object_size, before.size)?;
    check_kind(complete.checksum_kind, before.checksum.as_ref().map(|sum| sum.kind))?;
    let Some(claimed) = &complete.checksum else { return Ok(()) };
    match &before.checksum {
        Some(own) if own.algorithm != claimed.algorithm => Err(ObjectsError::InvalidRequest(OTHER_ALGORITHM)),
        Some(own) if is_true(claimed, own, complete.parts.len()) => Ok(()),
        Some(own) => Err(ObjectsError::BadDigest(own.algorithm.name())),
        None => Err(ObjectsError::InvalidRequest(OTHER_ALGORITHM)),
    }
}

/// Whether the object has as many bytes as the client says.
pub(super) fn check_size(promised: Option<u64>, size: u64) -> Result<(), ObjectsError> {
    match promised.filter(|promised| *promised != size) {
        Some(promised) => Err(ObjectsError::OtherSize { promised, actual: size }),
        None => Ok(()),
    }
}

/// Whether the checksum covers what the client says.
fn check_kind(named: Option<ChecksumKind>, kind: Option<ChecksumKind>) -> Result<(), ObjectsError> {
    if named.is_none() || named == kind {
        return Ok(());
    }
    Err(ObjectsError::InvalidRequest(match kind {
        Some(ChecksumKind::FullObject) => FULL_OBJECT_MODE,
        Some(ChecksumKind::Composite) => COMPOSITE_MODE,
        None => NULL_MODE,
    }))
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
    use crate::domain::{BucketId, ETag, ObjectAttributes, ObjectKey, PartNumber, Timestamp, UploadId, VersionLock};

    fn part(checksum: Option<Checksum>) -> Part {
        Part {
            number: PartNumber::new(1).expect("valid"),
            size: 1,
            etag: ETag::of_content([1; 16]),
            checksum,
            modified_at: Timestamp(0),
            extents: Vec::new(),
            salt: None,
        }
    }

    #[test]
    fn a_part_has_no_checksum_but_its_own() {
        use ChecksumAlgorithm::{Crc32, Crc32c};
        let own = Checksum { algorithm: Crc32, kind: ChecksumKind::FullObject, value: vec![1, 2, 3, 4] };
        let (with, without) = (part(Some(own)), part(None));
        assert!(check_part(&with, &(Crc32, vec![1, 2, 3, 4]), true).is_ok());
        assert!(matches!(check_part(&with, &(Crc32, vec![1, 2, 3, 5]), true), Err(ObjectsError::InvalidPart { .. })));
        assert!(matches!(check_part(&with, &(Crc32c, vec![1, 2, 3, 4]), true), Err(ObjectsError::InvalidRequest(_))));
        assert!(matches!(check_part(&without, &(Crc32, vec![1, 2, 3, 4]), true), Err(ObjectsError::InvalidRequest(_))));
        for part in [with, without] {
            let unplanned = check_part(&part, &(Crc32c, vec![1, 2, 3, 4]), false);
            assert!(matches!(unplanned, Err(ObjectsError::InvalidPart { .. })), "as Amazon: {unplanned:?}");
        }
    }

    /// Parts of a release that computed nothing where nothing was sent: their object has no checksum, as then.
    #[test]
    fn parts_of_before_make_an_object_without_a_checksum() {
        let upload = Upload {
            id: UploadId([1; 16]),
            bucket: BucketId(1),
            key: ObjectKey::new("key").expect("a key"),
            attributes: ObjectAttributes::default(),
            checksum: None,
            created_at: Timestamp(0),
            lock: VersionLock::NONE,
        };
        let sum = |algorithm: ChecksumAlgorithm| {
            let value = vec![1; algorithm.bytes()];
            part(Some(Checksum { algorithm, kind: ChecksumKind::FullObject, value }))
        };
        let new = || sum(ChecksumAlgorithm::Crc64nvme);
        let plan = |parts: &[Part]| whole_checksum(None, None, &upload, parts).expect("nothing is claimed");
        assert!(plan(&[new(), part(None)]).is_none());
        assert!(plan(&[sum(ChecksumAlgorithm::Crc32), new()]).is_none());
        assert_eq!(plan(&[new(), new()]).map(|sum| sum.kind), Some(ChecksumKind::FullObject));
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
