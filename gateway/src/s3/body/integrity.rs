//! What the head of a request promises about its body: lengths, digests, checksums.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Version, header};

use crate::domain::{Checksum, ChecksumAlgorithm, ChecksumKind};
use crate::s3::error::{Code, S3Error};

/// `Content-Length`.
pub(in crate::s3) fn content_length(headers: &HeaderMap) -> Result<Option<u64>, S3Error> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let bad = || S3Error::with(Code::BadRequest, "The Content-Length header is not one number").closing();
    if values.next().is_some() {
        return Err(bad());
    }
    number(value.as_bytes()).map(Some).ok_or_else(bad)
}

/// `x-amz-decoded-content-length`, which every streaming body must announce.
pub(super) fn decoded_length(headers: &HeaderMap) -> Result<u64, S3Error> {
    let missing = || S3Error::new(Code::MissingContentLength).closing();
    let mut values = headers.get_all("x-amz-decoded-content-length").iter();
    match (values.next(), values.next()) {
        (Some(value), None) => number(value.as_bytes()).ok_or_else(missing),
        _ => Err(missing()),
    }
}

/// The length of a body without framing; unknown for `Transfer-Encoding: chunked` and over HTTP/2.
pub(super) fn plain_length(head: &Parts) -> Result<Option<u64>, S3Error> {
    let length = content_length(&head.headers)?;
    let unknown = head.headers.contains_key(header::TRANSFER_ENCODING) || head.version >= Version::HTTP_2;
    if length.is_none() && !unknown {
        return Err(S3Error::new(Code::MissingContentLength));
    }
    Ok(length)
}

fn number(text: &[u8]) -> Option<u64> {
    // `parse` would take a plus sign too.
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

/// `Content-MD5`.
pub(super) fn content_md5(headers: &HeaderMap) -> Result<Option<[u8; 16]>, S3Error> {
    let Some(value) = headers.get("content-md5") else { return Ok(None) };
    let raw = BASE64_STANDARD.decode(value.as_bytes()).ok();
    let digest = raw.and_then(|raw| <[u8; 16]>::try_from(raw).ok());
    digest
        .map(Some)
        .ok_or_else(|| S3Error::new(Code::InvalidDigest).field("Content-MD5", value.to_str().unwrap_or_default()))
}

/// What the checksum headers promise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Checksums {
    /// A value.
    pub(super) value: Option<Checksum>,
    /// The algorithm named without a value, or the value's.
    pub(super) algorithm: Option<ChecksumAlgorithm>,
    /// What `x-amz-trailer` announced.
    pub(super) announced: Option<ChecksumAlgorithm>,
}

impl Checksums {
    /// Reads `x-amz-checksum-*`, `x-amz-sdk-checksum-algorithm` and `x-amz-trailer`.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, S3Error> {
        let value = value(headers)?;
        let announced = announced(headers)?;
        let named = sdk_algorithm(headers)?;
        let given = value.as_ref().map(|checksum| checksum.algorithm);
        if given.is_some() && announced.is_some() && given != announced {
            return Err(several());
        }
        let sent = announced.or(given);
        match (sent, named) {
            (Some(sent), Some(named)) if sent != named => Err(invalid_algorithm()),
            _ => Ok(Self { value, algorithm: sent.or(named), announced }),
        }
    }
}

fn several() -> S3Error {
    S3Error::with(
        Code::InvalidRequest,
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    )
}

fn invalid_algorithm() -> S3Error {
    S3Error::with(Code::InvalidRequest, "Value for x-amz-sdk-checksum-algorithm header is invalid.")
}

/// The one `x-amz-checksum-*` header that carries a value.
fn value(headers: &HeaderMap) -> Result<Option<Checksum>, S3Error> {
    let carries_value = |name: &&HeaderName| {
        let which = name.as_str().strip_prefix("x-amz-checksum-");
        which.is_some_and(|which| !matches!(which, "mode" | "algorithm" | "type"))
    };
    if headers.iter().filter(|(name, _)| carries_value(name)).count() > 1 {
        return Err(several());
    }
    let mut found = None;
    for (name, text) in headers.iter().filter(|(name, _)| carries_value(name)) {
        let algorithm = ChecksumAlgorithm::ALL.into_iter().find(|algorithm| algorithm.header() == name.as_str());
        let algorithm = algorithm.ok_or_else(|| {
            S3Error::with(Code::InvalidRequest, format!("The checksum header {name} is not supported."))
        })?;
        let raw = BASE64_STANDARD.decode(text.as_bytes()).ok().filter(|raw| raw.len() == algorithm.bytes());
        let value =
            raw.ok_or_else(|| S3Error::with(Code::InvalidRequest, format!("Value for {name} header is invalid.")))?;
        found = Some(Checksum { algorithm, kind: ChecksumKind::FullObject, value });
    }
    Ok(found)
}

/// The checksum that `x-amz-trailer` says will follow the body.
fn announced(headers: &HeaderMap) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let mut found = None;
    let values = headers.get_all("x-amz-trailer").iter().map(|value| value.to_str().unwrap_or("?"));
    for name in values.flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty()) {
        let named = ChecksumAlgorithm::ALL.into_iter().find(|algorithm| name.eq_ignore_ascii_case(algorithm.header()));
        let Some(algorithm) = named else {
            return Err(S3Error::with(
                Code::InvalidRequest,
                "The value specified in the x-amz-trailer header is not supported",
            ));
        };
        if found.replace(algorithm).is_some() {
            return Err(several());
        }
    }
    Ok(found)
}

fn sdk_algorithm(headers: &HeaderMap) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let Some(value) = headers.get("x-amz-sdk-checksum-algorithm") else { return Ok(None) };
    let text = value.to_str().unwrap_or("?");
    // Old SDKs name MD5 where they send Content-MD5.
    if text.is_empty() || (text.eq_ignore_ascii_case("MD5") && headers.contains_key("content-md5")) {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|()| invalid_algorithm())
}

/// The most headers of a request. It is what HTTP/1.1 is read with; over HTTP/2 more would fit into a head.
pub const HEADERS_MAX: usize = 100;

/// Refuses requests whose end two parsers could see in two places: several or contradictory lengths, transfer encodings
/// other than `chunked`. And those with too many headers. (The host: `s3/pipeline/request_target.rs`.)
///
/// # Errors
/// `BadRequest`, closing the connection; `NotImplemented` for another transfer encoding; `RequestHeaderSectionTooLarge`.
pub fn check_framing(head: &Parts) -> Result<(), S3Error> {
    if head.headers.len() > HEADERS_MAX {
        return Err(S3Error::new(Code::RequestHeaderSectionTooLarge).closing());
    }
    let bad = |why: &'static str| Err(S3Error::with(Code::BadRequest, why).closing());
    let length = content_length(&head.headers)?;
    let mut encodings = head.headers.get_all(header::TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => Ok(()),
        (Some(_), Some(_)) => bad("Only one Transfer-Encoding header is allowed"),
        (Some(_), None) if length.is_some() => bad("Content-Length and Transfer-Encoding exclude each other"),
        (Some(value), None) if !value.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            let why = "A Transfer-Encoding other than chunked is not supported";
            Err(S3Error::with(Code::NotImplemented, why).closing())
        }
        (Some(_), None) => Ok(()),
    }
}
