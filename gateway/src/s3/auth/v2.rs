//! Signatures of version 2: HMAC-SHA1 over a short text. Old, still what boto3 makes by default for presigned URLs
//! and forms of a custom endpoint; an operator can switch them off.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use subtle::ConstantTimeEq;

use super::payload::{self, Declared};
use super::v2_resource::{check_parameters, resource};
use super::{Identity, Service, Verified, Verifier, header, query, time, token};
use crate::s3::error::{Code, S3Error};
use crate::s3::target::bucket_of_host;
use crate::s3::uri::Query;

/// Whether the query claims a signature of version 2, complete or not.
pub(super) fn claims(query: &Query) -> bool {
    query.has("AWSAccessKeyId") || query.has("Signature")
}

/// Verifies `Authorization: AWS KEY:SIGNATURE`.
pub(super) async fn verify_header(
    verifier: &Verifier,
    credentials: &str,
    head: &Parts,
    raw: (&str, &str),
    parameters: &Query,
) -> Result<Verified, S3Error> {
    verifier.check_v2()?;
    let (access_key, signature) = credentials.trim().rsplit_once(':').ok_or_else(|| {
        S3Error::with(Code::InvalidArgument, "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature")
    })?;
    verifier.check_skew(header::date(&head.headers)?)?;
    check_parameters(parameters)?;
    // With x-amz-date, which is among the amz headers, the date's own line is empty.
    let date = if head.headers.contains_key("x-amz-date") { "" } else { text(&head.headers, "date") };
    let texts = strings_to_sign(verifier, head, raw, date, &[])?;
    let token = token::of(&head.headers, None)?;
    let identity = prove(verifier, access_key, token, signature, &texts).await?;
    let payload = Declared::parse(payload::text(&head.headers, None)?)?.without_stream()?;
    Ok(Verified { identity, payload, presigned: false, hoisted: Vec::new() })
}

/// Verifies the parameters `AWSAccessKeyId`, `Expires`, `Signature`.
pub(super) async fn verify_query(
    verifier: &Verifier,
    head: &Parts,
    raw: (&str, &str),
    parameters: &Query,
) -> Result<Verified, S3Error> {
    verifier.check_v2()?;
    let one = |name: &str| {
        let mut values = parameters.iter().filter(|(given, _)| *given == name).map(|(_, value)| value);
        values.next().filter(|_| values.next().is_none()).ok_or_else(|| {
            S3Error::with(
                Code::AccessDenied,
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
            )
        })
    };
    let (access_key, signature, expires) = (one("AWSAccessKeyId")?, one("Signature")?, one("Expires")?);
    let end: i64 = expires
        .parse()
        .map_err(|_| S3Error::with(Code::AccessDenied, "Invalid date (should be seconds since epoch)"))?;
    let now = verifier.ambient.clock.now().seconds();
    if now >= end {
        return Err(S3Error::with(Code::AccessDenied, "Request has expired")
            .field("Expires", time::extended(end))
            .field("ServerTime", time::extended(now)));
    }
    check_parameters(parameters)?;
    let hoisted = hoisted(parameters, head)?;
    let texts = strings_to_sign(verifier, head, raw, expires, &signed_hoists(parameters)?)?;
    let token = token::of(&head.headers, Some(parameters))?;
    let identity = prove(verifier, access_key, token, signature, &texts).await?;
    let payload = Declared::parse(payload::text(&head.headers, Some(parameters))?)?.without_stream()?;
    Ok(Verified { identity, payload, presigned: true, hoisted })
}

/// The signature of a text under a secret.
pub(super) fn sign(secret: &str, text: &str) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    hmac::sign(&key, text.as_bytes())
}

/// Compares a base64 signature of one of these texts in constant time and tells whose it is.
pub(super) async fn prove(
    verifier: &Verifier,
    access_key: &str,
    token: Option<&str>,
    signature: &str,
    texts: &[String],
) -> Result<Identity, S3Error> {
    let key = verifier.key(access_key, token).await?;
    let secret = key.as_ref().map_or(verifier.nobody.as_str(), |key| key.secret.as_str());
    let given = BASE64_STANDARD.decode(signature).unwrap_or_default();
    let right = texts.iter().any(|text| sign(secret, text).as_ref().ct_eq(&given).into());
    let key = key.ok_or_else(|| super::unknown_key(access_key))?;
    if right {
        verifier.keys.used(&key, Service::S3.word(), &verifier.settings.region);
        Ok(Identity::Known(key))
    } else {
        Err(super::mismatch(access_key, texts.first().map_or("", String::as_str), signature))
    }
}

/// The `x-amz-*` parameters of a URL, which are signed as the headers they stand for.
fn signed_hoists(parameters: &Query) -> Result<Vec<(String, String)>, S3Error> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in parameters.iter() {
        let lower = name.to_ascii_lowercase();
        if !lower.starts_with("x-amz-") && lower != "content-type" && lower != "content-md5" {
            continue;
        }
        if headers.iter().any(|(known, _)| *known == lower) {
            return Err(S3Error::argument("A query parameter occurs twice", name, value));
        }
        headers.push((lower, value.to_owned()));
    }
    Ok(headers)
}

fn hoisted(parameters: &Query, head: &Parts) -> Result<Vec<(HeaderName, HeaderValue)>, S3Error> {
    let mut headers = query::hoisted(parameters, super::v4::surely_empty(head))?;
    for (name, value) in signed_hoists(parameters)? {
        if let ("content-type" | "content-md5", Ok(value)) = (name.as_str(), HeaderValue::from_str(&value)) {
            headers.extend(HeaderName::from_bytes(name.as_bytes()).ok().map(|name| (name, value)));
        }
    }
    Ok(headers)
}

/// The text that is signed; for the root of a bucket in path style also with the slash that some clients sign after the
/// bucket without sending it.
fn strings_to_sign(
    verifier: &Verifier,
    head: &Parts,
    (path, raw_query): (&str, &str),
    date: &str,
    hoisted: &[(String, String)],
) -> Result<Vec<String>, S3Error> {
    let mut texts = vec![string_to_sign(verifier, head, (path, raw_query), date, hoisted)?];
    let path_style = bucket_of_host(text(&head.headers, "host"), &verifier.settings.domains).is_none();
    if path_style && path.len() > 1 && path.rfind('/') == Some(0) {
        texts.push(string_to_sign(verifier, head, (&format!("{path}/"), raw_query), date, hoisted)?);
    }
    Ok(texts)
}

fn string_to_sign(
    verifier: &Verifier,
    head: &Parts,
    (path, raw_query): (&str, &str),
    date: &str,
    hoisted: &[(String, String)],
) -> Result<String, S3Error> {
    let content = |name: &str| {
        let real = text(&head.headers, name);
        let stands_for = || hoisted.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
        if real.is_empty() { stands_for().to_owned() } else { real.to_owned() }
    };
    let mut signed = format!("{}\n{}\n{}\n{date}\n", head.method, content("content-md5"), content("content-type"));

    let mut amazon: Vec<(String, String)> = Vec::new();
    for (name, value) in &head.headers {
        if name.as_str().starts_with("x-amz-") {
            let value = String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
            match amazon.iter_mut().find(|(known, _)| known == name.as_str()) {
                Some((_, joined)) => *joined = format!("{joined},{value}"),
                None => amazon.push((name.to_string(), value)),
            }
        }
    }
    for (name, value) in hoisted.iter().filter(|(name, _)| name.starts_with("x-amz-")) {
        if amazon.iter().all(|(known, _)| known != name) {
            amazon.push((name.clone(), value.trim().to_owned()));
        }
    }
    amazon.sort_unstable();
    for (name, value) in amazon {
        signed.push_str(&format!("{name}:{value}\n"));
    }
    signed.push_str(&resource(verifier, text(&head.headers, "host"), path, raw_query)?);
    Ok(signed)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim()
}

impl Verifier {
    pub(super) fn check_v2(&self) -> Result<(), S3Error> {
        if self.settings.sigv2 {
            return Ok(());
        }
        Err(S3Error::with(
            Code::InvalidRequest,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ))
    }
}
