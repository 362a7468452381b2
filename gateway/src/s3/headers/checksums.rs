//! Additional checksums at the edge: header and element names, base64, the `-N` of composite values.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::domain::{Checksum, ChecksumAlgorithm, ChecksumKind};
use crate::objects::ClaimedChecksum;
use crate::s3::documents::xml::{Element, XmlWriter};
use crate::s3::error::{Code, S3Error};

const TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");
const ALGORITHM: HeaderName = HeaderName::from_static("x-amz-checksum-algorithm");

/// The element that carries a value of this algorithm.
#[must_use]
pub fn element(algorithm: ChecksumAlgorithm) -> &'static str {
    match algorithm {
        ChecksumAlgorithm::Crc32 => "ChecksumCRC32",
        ChecksumAlgorithm::Crc32c => "ChecksumCRC32C",
        ChecksumAlgorithm::Crc64nvme => "ChecksumCRC64NVME",
        ChecksumAlgorithm::Sha1 => "ChecksumSHA1",
        ChecksumAlgorithm::Sha256 => "ChecksumSHA256",
        ChecksumAlgorithm::Sha512 => "ChecksumSHA512",
        ChecksumAlgorithm::Md5 => "ChecksumMD5",
        ChecksumAlgorithm::Xxhash64 => "ChecksumXXHASH64",
        ChecksumAlgorithm::Xxhash3 => "ChecksumXXHASH3",
        ChecksumAlgorithm::Xxhash128 => "ChecksumXXHASH128",
    }
}

/// The word for what a checksum covers.
#[must_use]
pub fn kind(kind: ChecksumKind) -> &'static str {
    match kind {
        ChecksumKind::FullObject => "FULL_OBJECT",
        ChecksumKind::Composite => "COMPOSITE",
    }
}

/// A value as clients see it. `parts` is the number of parts of the object.
#[must_use]
pub fn value(checksum: &Checksum, parts: Option<u16>) -> String {
    let mut text = STANDARD.encode(&checksum.value);
    if let (ChecksumKind::Composite, Some(parts)) = (checksum.kind, parts) {
        text.push('-');
        text.push_str(&parts.to_string());
    }
    text
}

/// Adds the headers of a version's checksum.
pub fn write_headers(checksum: Option<&Checksum>, parts: Option<u16>, headers: &mut HeaderMap) {
    let Some(checksum) = checksum else { return };
    write_value(checksum, parts, headers);
    write_kind(Some(checksum), headers);
}

/// Adds the header that says what the checksum of a version covers.
pub fn write_kind(checksum: Option<&Checksum>, headers: &mut HeaderMap) {
    if let Some(checksum) = checksum {
        headers.insert(TYPE, HeaderValue::from_static(kind(checksum.kind)));
    }
}

/// Adds the header of a checksum's value alone, as for a part.
pub fn write_value(checksum: &Checksum, parts: Option<u16>, headers: &mut HeaderMap) {
    if let Ok(text) = HeaderValue::from_str(&value(checksum, parts)) {
        headers.insert(HeaderName::from_static(checksum.algorithm.header()), text);
    }
}

/// Adds the element of a checksum's value.
pub fn write_element(checksum: Option<&Checksum>, parts: Option<u16>, writer: &mut XmlWriter) {
    if let Some(checksum) = checksum {
        writer.plain(element(checksum.algorithm), value(checksum, parts));
    }
}

/// Adds the elements of a version's checksum: value and type.
pub fn write_elements(checksum: Option<&Checksum>, parts: Option<u16>, writer: &mut XmlWriter) {
    write_element(checksum, parts, writer);
    if let Some(checksum) = checksum {
        writer.plain("ChecksumType", kind(checksum.kind));
    }
}

/// Adds the headers that say what the checksum of an upload will be.
pub fn write_plan(plan: Option<(ChecksumAlgorithm, ChecksumKind)>, headers: &mut HeaderMap) {
    if let Some((algorithm, covers)) = plan {
        headers.insert(ALGORITHM, HeaderValue::from_static(algorithm.name()));
        headers.insert(TYPE, HeaderValue::from_static(kind(covers)));
    }
}

/// The value of the whole object that a Complete request repeats in a header.
///
/// # Errors
/// `BadDigest` when it is no value of its algorithm, which no bytes can have; `InvalidRequest` when there are two.
pub fn of_object(headers: &HeaderMap) -> Result<Option<ClaimedChecksum>, S3Error> {
    let mut found = None;
    for algorithm in ChecksumAlgorithm::ALL {
        let Some(text) = headers.get(algorithm.header()) else { continue };
        let text = text.to_str().unwrap_or_default();
        let message = || format!("Value for {} header is invalid.", algorithm.header());
        let claimed = claim(algorithm, text).ok_or_else(|| S3Error::with(Code::BadDigest, message()))?;
        if found.replace(claimed).is_some() {
            let message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
            return Err(S3Error::with(Code::InvalidRequest, message));
        }
    }
    Ok(found)
}

/// The values that a line of a Complete request repeats for its part.
#[must_use]
pub fn of_part(line: &Element) -> Vec<(ChecksumAlgorithm, Vec<u8>)> {
    let value = |algorithm| {
        let text = line.text_of(element(algorithm))?;
        // A value of the wrong length matches no part, so the part is refused as it should be.
        Some((algorithm, decode(algorithm, text.trim()).unwrap_or_default()))
    };
    ChecksumAlgorithm::ALL.into_iter().filter_map(value).collect()
}

/// A value with the number of parts behind it, if any.
fn claim(algorithm: ChecksumAlgorithm, text: &str) -> Option<ClaimedChecksum> {
    let (bare, parts) = match text.trim().split_once('-') {
        Some((bare, parts)) => (bare, Some(parts.parse().ok()?)),
        None => (text.trim(), None),
    };
    Some(ClaimedChecksum { algorithm, value: decode(algorithm, bare)?, parts })
}

fn decode(algorithm: ChecksumAlgorithm, text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok().filter(|value| value.len() == algorithm.bytes())
}

/// What a header says the checksum of an object should cover.
///
/// # Errors
/// `InvalidRequest` for an unknown word.
pub fn kind_of(headers: &HeaderMap) -> Result<Option<ChecksumKind>, S3Error> {
    let Some(word) = headers.get(TYPE) else { return Ok(None) };
    match word.as_bytes().to_ascii_uppercase().as_slice() {
        b"FULL_OBJECT" => Ok(Some(ChecksumKind::FullObject)),
        b"COMPOSITE" => Ok(Some(ChecksumKind::Composite)),
        _ => Err(S3Error::with(Code::InvalidRequest, "Value for x-amz-checksum-type header is invalid.")),
    }
}

/// The algorithm that a header asks for.
///
/// # Errors
/// `InvalidRequest` for one that is not known here.
pub fn algorithm_of(headers: &HeaderMap) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let Some(word) = headers.get(ALGORITHM).filter(|word| !word.is_empty()) else { return Ok(None) };
    let refused = || {
        let message = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
                       [CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5, XXHASH64, XXHASH3, XXHASH128]";
        S3Error::with(Code::InvalidRequest, message)
    };
    word.to_str().unwrap_or_default().parse().map(Some).map_err(|()| refused())
}

/// What the checksum of an upload in parts will be: the algorithm asked for, over what was asked or what Amazon takes for
/// it.
///
/// # Errors
/// `InvalidRequest` for a type without an algorithm, and for the combinations that do not exist.
pub fn plan(headers: &HeaderMap) -> Result<Option<(ChecksumAlgorithm, ChecksumKind)>, S3Error> {
    use ChecksumAlgorithm::{Crc32, Crc32c, Crc64nvme};
    use ChecksumKind::{Composite, FullObject};
    match (algorithm_of(headers)?, kind_of(headers)?) {
        (None, None) => Ok(None),
        (None, Some(_)) => {
            let message = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.";
            Err(S3Error::with(Code::InvalidRequest, message))
        }
        (Some(algorithm @ (Crc32 | Crc32c)), covers) => Ok(Some((algorithm, covers.unwrap_or(Composite)))),
        (Some(Crc64nvme), None | Some(FullObject)) => Ok(Some((Crc64nvme, FullObject))),
        (Some(Crc64nvme), Some(Composite)) => Err(impossible(Crc64nvme, Composite)),
        // A digest of the whole does not follow from those of the parts.
        (Some(algorithm), None | Some(Composite)) => Ok(Some((algorithm, Composite))),
        (Some(algorithm), Some(FullObject)) => Err(impossible(algorithm, FullObject)),
    }
}

fn impossible(algorithm: ChecksumAlgorithm, covers: ChecksumKind) -> S3Error {
    let (covers, algorithm) = (kind(covers), algorithm.name().to_ascii_lowercase());
    let message = format!("The {covers} checksum type cannot be used with the {algorithm} checksum algorithm.");
    S3Error::with(Code::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn composite_values_carry_the_number_of_parts() {
        let checksum = |kind| Checksum { algorithm: ChecksumAlgorithm::Crc32, kind, value: vec![0, 0, 0, 1] };
        assert_eq!(value(&checksum(ChecksumKind::Composite), Some(3)), "AAAAAQ==-3");
        assert_eq!(value(&checksum(ChecksumKind::FullObject), Some(3)), "AAAAAQ==");
    }

    #[test]
    fn only_the_pairs_that_exist_are_planned() {
        let of = |algorithm, kind| {
            plan(&headers(&[("x-amz-checksum-algorithm", algorithm), ("x-amz-checksum-type", kind)]))
                .map(Option::unwrap)
        };
        let by_default = |algorithm| plan(&headers(&[("x-amz-checksum-algorithm", algorithm)])).unwrap().unwrap();
        assert_eq!(by_default("crc32").1, ChecksumKind::Composite);
        assert_eq!(by_default("CRC64NVME").1, ChecksumKind::FullObject);
        for digest in ["SHA1", "SHA256", "SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"] {
            assert_eq!(by_default(digest).1, ChecksumKind::Composite, "{digest}");
            assert_eq!(of(digest, "FULL_OBJECT").unwrap_err().code, Code::InvalidRequest, "{digest}");
        }
        assert_eq!(of("CRC32C", "FULL_OBJECT").unwrap().1, ChecksumKind::FullObject);
        for (algorithm, kind) in [("CRC64NVME", "COMPOSITE"), ("MD4", "COMPOSITE"), ("CRC32", "x")] {
            assert_eq!(of(algorithm, kind).unwrap_err().code, Code::InvalidRequest, "{algorithm} {kind}");
        }
        assert_eq!(plan(&headers(&[])).unwrap(), None);
    }

    #[test]
    fn the_value_of_an_object_may_carry_its_parts() {
        let one = headers(&[("x-amz-checksum-crc32", "AAAAAQ==-3")]);
        let value = vec![0, 0, 0, 1];
        let claimed = ClaimedChecksum { algorithm: ChecksumAlgorithm::Crc32, value, parts: Some(3) };
        assert_eq!(of_object(&one).unwrap(), Some(claimed));
        let two = headers(&[("x-amz-checksum-crc32", "AAAAAQ=="), ("x-amz-checksum-crc32c", "AAAAAQ==")]);
        let nonsense = headers(&[("x-amz-checksum-crc32", "AAAAAQ==-x")]);
        assert_eq!(of_object(&nonsense).unwrap_err().code, Code::BadDigest);
        let short = headers(&[("x-amz-checksum-crc32", "AAAA")]);
        assert_eq!(of_object(&two).unwrap_err().code, Code::InvalidRequest);
        assert_eq!(of_object(&short).unwrap_err().code, Code::BadDigest);
    }
}
