//! The claim in an `Authorization` header.

use http::HeaderMap;

use crate::s3::auth::service::Service;
use crate::s3::auth::time;
use crate::s3::auth::v4::claim::{ALGORITHM, Claim, Credential, SignatureLocation, signature, signed_headers};
use crate::s3::error::{Code, S3Error};

/// What an `Authorization` header holds.
#[derive(Debug)]
pub(crate) enum Authorization<'a> {
    /// `AWS4-HMAC-SHA256 ...`: the text after the algorithm.
    V4(&'a str),
    /// `AWS KEY:SIGNATURE`: the text after the scheme.
    V2(&'a str),
}

/// Finds the one `Authorization` header.
pub(crate) fn authorization(headers: &HeaderMap) -> Result<Option<Authorization<'_>>, S3Error> {
    let mut values = headers.get_all(http::header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(S3Error::with(Code::InvalidArgument, "Only one Authorization header is allowed"));
    }
    let unsupported = || S3Error::argument("Unsupported Authorization Type", "Authorization", "");
    let text = value.to_str().map_err(|_| unsupported())?;
    match text.split_once(' ') {
        Some((ALGORITHM, rest)) => Ok(Some(Authorization::V4(rest))),
        Some(("AWS", rest)) => Ok(Some(Authorization::V2(rest))),
        _ => Err(unsupported()),
    }
}

/// Reads `Credential=..., SignedHeaders=..., Signature=...` and the date headers.
pub(crate) fn parse<'a>(rest: &'a str, headers: &HeaderMap, services: &[Service]) -> Result<Claim<'a>, S3Error> {
    let location = SignatureLocation::Header;
    let (mut credential, mut names, mut signed) = (None, None, None);
    for pair in rest.split(',') {
        let (name, value) =
            pair.trim().split_once('=').ok_or_else(|| location.malformed("a parameter has no value."))?;
        let slot = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut names,
            "Signature" => &mut signed,
            _ => return Err(location.malformed("it has an unknown parameter.")),
        };
        if slot.replace(value).is_some() {
            return Err(location.malformed("a parameter occurs twice."));
        }
    }
    let need = |value: Option<&'a str>, name: &str| {
        value.ok_or_else(|| location.malformed(&format!("the {name} parameter is missing.")))
    };
    let credential = Credential::parse(need(credential, "Credential")?, location, services)?;
    let signed_headers = signed_headers(need(names, "SignedHeaders")?, location)?;
    let signature = signature(need(signed, "Signature")?)?;
    let time = date(headers)?;
    credential.check_date(time, location)?;
    Ok(Claim::new(credential, time, signed_headers, signature, location))
}

/// When the request says it was signed: `x-amz-date`, or `Date` without it.
pub(crate) fn date(headers: &HeaderMap) -> Result<i64, S3Error> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let parsed = match text("x-amz-date") {
        Some(amazon) => time::parse_http(amazon),
        None => text("date").and_then(time::parse_http),
    };
    parsed.ok_or_else(|| {
        S3Error::with(Code::AccessDenied, "AWS authentication requires a valid Date or x-amz-date header")
    })
}
