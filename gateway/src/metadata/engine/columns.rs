//! Encoding of domain types in columns.

use bytes::Bytes;
use codec::{BlobId, BlobLayout, ContentSalt, StripeShape, WrappedKey};

use crate::domain::{
    BackendId, BucketName, Checksum, ChecksumAlgorithm, ChecksumKind, ETag, Extent, ObjectAttributes, ObjectKey,
    RepairRank,
};
use crate::metadata::engine::row::Row;
use crate::metadata::engine::statement::Value;
use crate::metadata::error::{MetadataError, Result};

/// A length or count as SQL integers hold it.
pub(crate) fn int(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| MetadataError::Damaged(format!("{value} does not fit the database")))
}

/// The limit of a SELECT.
pub(crate) fn limit(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The largest [`urgency`] of a blob whose next loss is its end: that of one sliver that is left alone.
pub(crate) const LAST_URGENCY_MAX: i64 = 1_000;

/// The order of repair jobs: the smaller is claimed first. Each rank has a band of its own, wider than any survival in it.
pub(crate) fn urgency(rank: RepairRank) -> i64 {
    match rank {
        RepairRank::Last(survival) => survival.thousandths().into(),
        RepairRank::Endangered(survival) => LAST_URGENCY_MAX + i64::from(survival.thousandths()),
        RepairRank::Whole => 10_000,
        RepairRank::Unbalanced => 11_000,
        RepairRank::TooFewLeft => 20_000,
    }
}

/// A backend's name.
pub(crate) fn backend_id(name: &str) -> Result<BackendId> {
    name.parse().map_err(|error| MetadataError::Damaged(format!("{error}")))
}

/// A bucket's name.
pub(crate) fn bucket_name(text: &str) -> Result<BucketName> {
    text.parse().map_err(|error| MetadataError::Damaged(format!("{text}: {error}")))
}

/// 16 bytes of MD5, then the number of parts as two bytes when there is one.
pub(crate) fn etag_bytes(etag: &ETag) -> Vec<u8> {
    let mut bytes = etag.md5.to_vec();
    bytes.extend(etag.parts.iter().flat_map(|parts| parts.to_be_bytes()));
    bytes
}

/// The reverse of [`etag_bytes`].
pub(crate) fn etag(bytes: &[u8]) -> Result<ETag> {
    let damaged = || MetadataError::Damaged(format!("an entity tag of {} bytes", bytes.len()));
    let (md5, parts) = bytes.split_first_chunk::<16>().ok_or_else(damaged)?;
    let parts = match parts {
        [] => None,
        [high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => return Err(damaged()),
    };
    Ok(ETag { md5: *md5, parts })
}

/// One byte for the algorithm (1 to 10, in the order of [`ChecksumAlgorithm::ALL`]), one for the kind (0 whole object, 1
/// composite), then the value.
pub(crate) fn checksum_bytes(checksum: &Checksum) -> Vec<u8> {
    let mut bytes = checksum_head(checksum.algorithm, checksum.kind);
    bytes.extend_from_slice(&checksum.value);
    bytes
}

/// The first two bytes of [`checksum_bytes`]: all there is to say before the bytes have come.
pub(crate) fn checksum_head(algorithm: ChecksumAlgorithm, kind: ChecksumKind) -> Vec<u8> {
    let algorithm = match algorithm {
        ChecksumAlgorithm::Crc32 => 1,
        ChecksumAlgorithm::Crc32c => 2,
        ChecksumAlgorithm::Crc64nvme => 3,
        ChecksumAlgorithm::Sha1 => 4,
        ChecksumAlgorithm::Sha256 => 5,
        ChecksumAlgorithm::Sha512 => 6,
        ChecksumAlgorithm::Md5 => 7,
        ChecksumAlgorithm::Xxhash64 => 8,
        ChecksumAlgorithm::Xxhash3 => 9,
        ChecksumAlgorithm::Xxhash128 => 10,
    };
    let kind = match kind {
        ChecksumKind::FullObject => 0,
        ChecksumKind::Composite => 1,
    };
    vec![algorithm, kind]
}

/// Algorithm, kind and the rest of a checksum column.
pub(crate) fn split_checksum(bytes: &[u8]) -> Result<(ChecksumAlgorithm, ChecksumKind, &[u8])> {
    let damaged = || MetadataError::Damaged("a checksum of unknown form".to_owned());
    let ([algorithm, kind], value) = bytes.split_first_chunk::<2>().ok_or_else(damaged)?;
    let algorithm = usize::from(*algorithm).checked_sub(1).and_then(|i| ChecksumAlgorithm::ALL.get(i));
    let kind = match kind {
        0 => ChecksumKind::FullObject,
        1 => ChecksumKind::Composite,
        _ => return Err(damaged()),
    };
    Ok((*algorithm.ok_or_else(damaged)?, kind, value))
}

/// A checksum column.
pub(crate) fn checksum(bytes: Option<&[u8]>) -> Result<Option<Checksum>> {
    let Some(bytes) = bytes else { return Ok(None) };
    let (algorithm, kind, value) = split_checksum(bytes)?;
    Ok(Some(Checksum { algorithm, kind, value: value.to_vec() }))
}

/// The value of a checksum column.
pub(crate) fn checksum_value(checksum: Option<&Checksum>) -> Value {
    checksum.map(checksum_bytes).into()
}

/// Attributes as JSON; nothing at all for none, which is what most small objects have.
pub(crate) fn attributes_text(attributes: &ObjectAttributes) -> Result<Value> {
    if *attributes == ObjectAttributes::default() {
        return Ok(Value::Text(String::new()));
    }
    serde_json::to_string(attributes).map(Value::Text).map_err(|error| MetadataError::Damaged(error.to_string()))
}

/// The reverse of [`attributes_text`].
pub(crate) fn attributes(text: &str) -> Result<ObjectAttributes> {
    if text.is_empty() {
        return Ok(ObjectAttributes::default());
    }
    serde_json::from_str(text).map_err(|error| MetadataError::Damaged(format!("attributes: {error}")))
}

/// A wrapping that came later.
pub(crate) fn rewrapped(bytes: Option<&[u8]>) -> Result<Option<WrappedKey>> {
    let damaged = |_| MetadataError::Damaged("a wrapped key of another length".to_owned());
    bytes.map(|bytes| bytes.try_into().map(WrappedKey).map_err(damaged)).transpose()
}

/// The salt of an enciphered part.
pub(crate) fn salt(bytes: Option<&[u8]>) -> Result<Option<ContentSalt>> {
    let damaged = |_| MetadataError::Damaged("a salt of another length".to_owned());
    bytes.map(|bytes| bytes.try_into().map_err(damaged)).transpose()
}

/// A key.
pub(crate) fn key(bytes: &[u8]) -> Result<ObjectKey> {
    ObjectKey::new(Bytes::copy_from_slice(bytes)).map_err(|error| MetadataError::Damaged(format!("a key: {error}")))
}

/// An extent in three columns from `first`: blob, offset, length.
pub(crate) fn extent(row: &Row, first: usize) -> Result<Extent> {
    Ok(Extent { blob: BlobId(row.array(first)?), offset: row.number(first + 1)?, length: row.number(first + 2)? })
}

/// The one extent a version has in its own row, in two columns from `first`: blob, offset.
pub(crate) fn inline_extent(row: &Row, first: usize, size: u64) -> Result<Option<Extent>> {
    let (Some(blob), Some(offset)) = (row.bytes_if_any(first)?, row.number_if_any(first + 1)?) else {
        return Ok(None);
    };
    let blob = blob.try_into().map_err(|_| MetadataError::Damaged("a blob id in a version".to_owned()))?;
    Ok(Some(Extent { blob: BlobId(blob), offset, length: size }))
}

/// A layout in five columns from `first`: scheme, chunk bytes, chunks per block, content length, catalog length.
pub(crate) fn layout(row: &Row, first: usize) -> Result<BlobLayout> {
    let scheme = row.text(first)?;
    let scheme = scheme.parse().map_err(|error| MetadataError::Damaged(format!("scheme {scheme:?}: {error}")))?;
    let shape = StripeShape { scheme, chunk_bytes: row.number(first + 1)?, chunks_per_block: row.number(first + 2)? };
    Ok(BlobLayout { shape, content_len: row.number(first + 3)?, catalog_len: row.number(first + 4)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_their_columns() {
        for parts in [None, Some(1), Some(10_000)] {
            let tag = ETag { md5: [7; 16], parts };
            assert_eq!(etag(&etag_bytes(&tag)).unwrap(), tag);
        }
        assert!(etag(&[1; 15]).is_err() && etag(&[1; 17]).is_err() && etag(&[1; 19]).is_err());
        for algorithm in ChecksumAlgorithm::ALL {
            for kind in [ChecksumKind::FullObject, ChecksumKind::Composite] {
                let sum = Checksum { algorithm, kind, value: vec![9; algorithm.bytes()] };
                assert_eq!(checksum(Some(&checksum_bytes(&sum))).unwrap(), Some(sum));
            }
        }
        assert!(
            checksum(Some(&[0, 0])).is_err() && checksum(Some(&[11, 0])).is_err() && checksum(Some(&[1, 2])).is_err()
        );
        assert!(checksum(None).unwrap().is_none());
        // What stands in databases.
        for (code, algorithm) in (1..).zip(["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5"]) {
            let named: ChecksumAlgorithm = algorithm.parse().unwrap();
            assert_eq!(checksum_head(named, ChecksumKind::FullObject), [code, 0], "{algorithm}");
        }
        for (code, algorithm) in [(8, "XXHASH64"), (9, "XXHASH3"), (10, "XXHASH128")] {
            let named: ChecksumAlgorithm = algorithm.parse().unwrap();
            assert_eq!(checksum_head(named, ChecksumKind::Composite), [code, 1], "{algorithm}");
        }

        let plain = ObjectAttributes::default();
        let with_attributes = ObjectAttributes {
            content_type: Some("text/plain".to_owned()),
            user: vec![("a".to_owned(), "é\u{1F40B}".to_owned()), ("b".to_owned(), String::new())],
            ..ObjectAttributes::default()
        };
        for value in [plain, with_attributes] {
            let Value::Text(text) = attributes_text(&value).unwrap() else { panic!("text") };
            assert_eq!(attributes(&text).unwrap(), value);
        }
    }
}
