//! The tag and the checksum of an object made of parts.

use md5::{Digest as _, Md5};

use crate::domain::{Checksum, ChecksumAlgorithm, ChecksumKind, ETag, Part};
use crate::objects::digests::checksum_digest::ChecksumDigest;
use crate::objects::error::ObjectsError;

/// The multipart tag: MD5 of the parts' MD5s, and their number.
pub(crate) fn etag(parts: impl ExactSizeIterator<Item = [u8; 16]>) -> ETag {
    let mut md5 = Md5::new();
    let number = u16::try_from(parts.len()).ok();
    parts.for_each(|part| md5.update(part));
    ETag { md5: md5.finalize().into(), parts: number }
}

/// The checksum of the whole from the parts' checksums: a digest of the digests, or for the CRCs the value over all
/// bytes, which follows from the parts' values and lengths because a CRC is linear.
///
/// # Errors
/// `InvalidRequest` when a part carries no checksum of this algorithm, or a digest over the whole object is asked for.
pub(crate) fn checksum(
    parts: &[Part],
    algorithm: ChecksumAlgorithm,
    kind: ChecksumKind,
) -> Result<Checksum, ObjectsError> {
    let values = parts.iter().map(|part| {
        let checksum = part.checksum.as_ref().filter(|sum| sum.algorithm == algorithm);
        let missing = ObjectsError::InvalidRequest("A part carries no checksum of the algorithm.");
        checksum.map(|sum| (sum.value.as_slice(), part.size)).ok_or(missing)
    });
    let values = values.collect::<Result<Vec<_>, _>>()?;
    let value = match kind {
        ChecksumKind::Composite => {
            let mut digest = ChecksumDigest::new(algorithm);
            values.iter().for_each(|(value, _)| digest.update(value));
            digest.finish()
        }
        ChecksumKind::FullObject => combine_crc(&values, algorithm)?,
    };
    Ok(Checksum { algorithm, kind, value })
}

/// The CRC of a concatenation from the CRCs and lengths of what is concatenated.
fn combine_crc(values: &[(&[u8], u64)], algorithm: ChecksumAlgorithm) -> Result<Vec<u8>, ObjectsError> {
    let linear =
        ObjectsError::InvalidRequest("The FULL_OBJECT checksum type is for CRC32, CRC32C and CRC64NVME alone.");
    let crc = algorithm.crc().ok_or(linear)?;
    let mut values = values.iter();
    let first = values.next().map_or(0, |(value, _)| number(value));
    let whole = values.fold(first, |sum, (value, length)| crc_fast::checksum_combine(crc, sum, number(value), *length));
    let wide = whole.to_be_bytes();
    Ok(wide[wide.len() - algorithm.bytes()..].to_vec())
}

/// A big-endian value as a number.
fn number(value: &[u8]) -> u64 {
    value.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{PartNumber, Timestamp};
    use proptest::prelude::*;

    fn part(number: usize, content: &[u8], algorithm: ChecksumAlgorithm) -> Part {
        let mut digest = ChecksumDigest::new(algorithm);
        digest.update(content);
        let checksum = Checksum { algorithm, kind: ChecksumKind::FullObject, value: digest.finish() };
        Part {
            number: PartNumber::new(i64::try_from(number + 1).expect("small")).expect("valid"),
            size: content.len() as u64,
            etag: ETag::of_content(Md5::digest(content).into()),
            checksum: Some(checksum),
            modified_at: Timestamp(0),
            extents: Vec::new(),
            salt: None,
        }
    }

    #[test]
    fn the_multipart_tag_is_the_digest_of_digests() {
        let parts = [part(0, b"hello ", ChecksumAlgorithm::Crc32), part(1, b"world", ChecksumAlgorithm::Crc32)];
        let both: Vec<u8> = parts.iter().flat_map(|part| part.etag.md5).collect();
        let expected = ETag { md5: Md5::digest(both).into(), parts: Some(2) };
        let whole = etag(parts.iter().map(|part| part.etag.md5));
        assert_eq!(whole, expected);
        assert!(whole.to_string().ends_with("-2"));
    }

    proptest! {
        #[test]
        fn combined_crcs_equal_the_crc_of_the_whole(contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..99), 1..6)) {
            for algorithm in [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Crc64nvme] {
                let parts: Vec<_> = contents.iter().enumerate().map(|(at, bytes)| part(at, bytes, algorithm)).collect();
                let mut whole = ChecksumDigest::new(algorithm);
                whole.update(&contents.concat());
                let combined = checksum(&parts, algorithm, ChecksumKind::FullObject).expect("a CRC");
                prop_assert_eq!(combined.value, whole.finish());
            }
        }
    }
}
