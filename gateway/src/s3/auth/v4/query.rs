//! The claim in the query of a presigned URL of version 4, and the headers that such a URL carries as parameters.

use http::{HeaderName, HeaderValue};

use crate::domain::{ChecksumAlgorithm, Timestamp};
use crate::s3::auth::service::Service;
use crate::s3::auth::time;
use crate::s3::auth::v4::claim::{ALGORITHM, Claim, Credential, SignatureLocation, signature, signed_headers};
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::encoded_words;
use crate::s3::headers::object_headers::USER_PREFIX;
use crate::s3::uri::Query;

/// The longest a presigned URL may live, in seconds: a week.
const EXPIRES_MAX: i64 = 604_800;

/// The parameters of the signature itself; every other `x-amz-*` parameter is a header.
const PARAMETERS: [&str; 8] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-amz-signature",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

/// Whether the query claims a signature of version 4, complete or not.
pub(crate) fn claims(query: &Query) -> bool {
    ["x-amz-algorithm", "x-amz-credential", "x-amz-signature"]
        .iter()
        .any(|name| query.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)))
}

/// Reads the six parameters.
pub(crate) fn parse<'a>(query: &'a Query, now: Timestamp, skew_seconds: i64) -> Result<Claim<'a>, S3Error> {
    let location = SignatureLocation::Query;
    let one = |name: &str| {
        let mut values = query.iter().filter(|(given, _)| *given == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(location.malformed(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
                 X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            )),
        }
    };
    if one("X-Amz-Algorithm")? != ALGORITHM {
        return Err(location.malformed("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
    }
    let credential = Credential::parse(one("X-Amz-Credential")?, location, &[Service::S3])?;
    let signed_headers = signed_headers(one("X-Amz-SignedHeaders")?, location)?;
    let signature = signature(one("X-Amz-Signature")?)?;
    let time = time::parse_basic(one("X-Amz-Date")?)
        .ok_or_else(|| location.malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""))?;
    credential.check_date(time, location)?;
    check_age(time, one("X-Amz-Expires")?, now, skew_seconds)?;
    Ok(Claim::new(credential, time, signed_headers, signature, location))
}

/// The URL must be valid already and still.
fn check_age(time: i64, expires: &str, now: Timestamp, skew_seconds: i64) -> Result<(), S3Error> {
    let refuse = |why: &'static str| Err(S3Error::with(Code::AccessDenied, why));
    let Ok(seconds) = expires.parse::<i64>() else {
        return refuse("X-Amz-Expires should be a number");
    };
    if seconds > EXPIRES_MAX {
        return refuse(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
        );
    }
    if seconds < 1 {
        return refuse("X-Amz-Expires must be at least one second");
    }
    if time > now.seconds() + skew_seconds {
        return refuse("Request is not yet valid");
    }
    let end = time + seconds;
    if now.seconds() >= end {
        return Err(S3Error::with(Code::AccessDenied, "Request has expired")
            .field("X-Amz-Expires", expires)
            .field("Expires", time::extended(end))
            .field("ServerTime", time::extended(now.seconds())));
    }
    Ok(())
}

/// The headers a presigned URL carries as parameters. `empty_body` is whether the request surely has no content, `conditions`
/// whether the signature covers parameters that are no headers of S3.
///
/// The browser SDK hoists the checksum of the *empty* body it had when it made the URL; for a request that brings
/// content that value is meaningless, and it is dropped (the algorithm stays, so a checksum is computed).
pub(crate) fn hoisted(
    query: &Query,
    empty_body: bool,
    conditions: bool,
) -> Result<Vec<(HeaderName, HeaderValue)>, S3Error> {
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
    for (name, value) in query.iter() {
        let is_header = name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"))
            || (conditions && is_condition(name));
        if !is_header || PARAMETERS.iter().any(|parameter| parameter.eq_ignore_ascii_case(name)) {
            continue;
        }
        let invalid = || S3Error::argument("A query parameter is not a valid header", name, value);
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        if !empty_body && is_checksum_of_nothing(header.as_str(), value) {
            continue;
        }
        if headers.iter().any(|(known, _)| *known == header) {
            return Err(invalid());
        }
        // What is no ASCII was UTF-8 in the URL, and headers are read in another alphabet.
        let is_text = header.as_str().starts_with(USER_PREFIX) && !value.is_ascii();
        let value = if is_text { encoded_words::shield(value) } else { value.to_owned() };
        headers.push((header, HeaderValue::try_from(value).map_err(|_| invalid())?));
    }
    Ok(headers)
}

/// Whether this is a condition of a write: who makes a URL forbids to overwrite by it.
pub(crate) fn is_condition(name: &str) -> bool {
    ["if-match", "if-none-match"].iter().any(|condition| condition.eq_ignore_ascii_case(name))
}

fn is_checksum_of_nothing(header: &str, value: &str) -> bool {
    let Some(algorithm) = ChecksumAlgorithm::ALL.into_iter().find(|algorithm| algorithm.header() == header) else {
        return false;
    };
    value
        == match algorithm {
            ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c => "AAAAAA==",
            ChecksumAlgorithm::Crc64nvme => "AAAAAAAAAAA=",
            ChecksumAlgorithm::Sha1 => "2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
            ChecksumAlgorithm::Sha256 => "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            ChecksumAlgorithm::Sha512 => {
                "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H\
                 0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="
            }
            ChecksumAlgorithm::Md5 => "1B2M2Y8AsgTpgAmY7PhCfg==",
            ChecksumAlgorithm::Xxhash64 => "70bbN1HY6Zk=",
            ChecksumAlgorithm::Xxhash3 => "LQaABTjTlMI=",
            ChecksumAlgorithm::Xxhash128 => "maoG0wFHmNhgAcMkRo1Jfw==",
        }
}
