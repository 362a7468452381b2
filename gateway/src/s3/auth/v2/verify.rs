//! Signatures of version 2: HMAC-SHA1 over a short text. Old, still what boto3 makes by default for presigned URLs
//! and forms of a custom endpoint; an operator can switch them off.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use subtle::ConstantTimeEq;

use crate::s3::auth::payload::{self, Declared};
use crate::s3::auth::service::Service;
use crate::s3::auth::signature::{Signature, SignaturePlace, SignatureVersion};
use crate::s3::auth::v2::resource::{check_parameters, resource};
use crate::s3::auth::v4::verify::value_text;
use crate::s3::auth::v4::{header, query};
use crate::s3::auth::{Identity, Payload, Verified, Verifier, refusal, time, token};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request_target::RequestTarget;
use crate::s3::uri::Query;

/// Whether the query claims a signature of version 2, complete or not.
pub(crate) fn claims(query: &Query) -> bool {
    query.has("AWSAccessKeyId") || query.has("Signature")
}

/// Verifies `Authorization: AWS KEY:SIGNATURE`.
pub(crate) async fn verify_header(
    verifier: &Verifier,
    credentials: &str,
    head: &Parts,
    target: &RequestTarget,
) -> Result<Verified, S3Error> {
    verifier.check_v2()?;
    let (access_key, signature) = credentials.trim().rsplit_once(':').ok_or_else(|| {
        S3Error::with(Code::InvalidArgument, "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature")
    })?;
    let signed_at = header::date(&head.headers)?;
    verifier.check_skew(signed_at)?;
    check_parameters(target.query())?;
    // With x-amz-date, which is among the amz headers, the date's own line is empty.
    let date = if head.headers.contains_key("x-amz-date") { String::new() } else { text(&head.headers, "date") };
    let texts = strings_to_sign(head, target, &date, &[])?;
    let token = token::of(&head.headers, None)?;
    let identity = prove(verifier, access_key, token, signature, &texts).await?;
    let payload = Declared::parse(payload::text(&head.headers, None)?)?.without_stream()?;
    let signature = Some(signature_of(SignaturePlace::Header, Some(signed_at), &payload));
    Ok(Verified { identity, payload, signature, hoisted: Vec::new() })
}

/// The digest of the body is among the headers that are signed, when there is one.
fn signature_of(location: SignaturePlace, signed_at: Option<i64>, payload: &Payload) -> Signature {
    let covers_payload = matches!(payload, Payload::Digest(_));
    Signature { version: SignatureVersion::V2, location, signed_at, covers_payload }
}

/// Verifies the parameters `AWSAccessKeyId`, `Expires`, `Signature`.
pub(crate) async fn verify_query(
    verifier: &Verifier,
    head: &Parts,
    target: &RequestTarget,
) -> Result<Verified, S3Error> {
    verifier.check_v2()?;
    let parameters = target.query();
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
    let texts = strings_to_sign(head, target, expires, &signed_hoists(parameters)?)?;
    let token = token::of(&head.headers, Some(parameters))?;
    let identity = prove(verifier, access_key, token, signature, &texts).await?;
    let payload = Declared::parse(payload::text(&head.headers, Some(parameters))?)?.without_stream()?;
    // Such a URL says when it ends, and not when it was made.
    let signature = Some(signature_of(SignaturePlace::Query, None, &payload));
    Ok(Verified { identity, payload, signature, hoisted })
}

/// The signature of a text under a secret.
pub(crate) fn sign(secret: &str, text: &str) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    hmac::sign(&key, text.as_bytes())
}

/// Compares a base64 signature of one of these texts in constant time and returns the identity.
pub(crate) async fn prove(
    verifier: &Verifier,
    access_key: &str,
    token: Option<&str>,
    signature: &str,
    texts: &[String],
) -> Result<Identity, S3Error> {
    let key = verifier.key(access_key, token).await?;
    let secret = key.as_ref().map_or(verifier.dummy_secret.as_str(), |key| key.secret.as_str());
    let given = BASE64_STANDARD.decode(signature).unwrap_or_default();
    let right = texts.iter().any(|text| sign(secret, text).as_ref().ct_eq(&given).into());
    let key = key.ok_or_else(|| refusal::unknown_key(access_key))?;
    if right {
        verifier.keys.used(&key, Service::S3.word(), &verifier.settings.region);
        Ok(Identity::Known(key))
    } else {
        Err(refusal::mismatch(access_key, texts.first().map_or("", String::as_str), signature))
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
        // A line break would make the text that is signed that of other headers.
        if HeaderName::from_bytes(lower.as_bytes()).is_err() || HeaderValue::from_str(value).is_err() {
            return Err(S3Error::argument("A query parameter is not a valid header", name, value));
        }
        headers.push((lower, value.to_owned()));
    }
    Ok(headers)
}

fn hoisted(parameters: &Query, head: &Parts) -> Result<Vec<(HeaderName, HeaderValue)>, S3Error> {
    let mut headers = query::hoisted(parameters, crate::s3::auth::v4::verify::surely_empty(head), false)?;
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
    head: &Parts,
    target: &RequestTarget,
    date: &str,
    hoisted: &[(String, String)],
) -> Result<Vec<String>, S3Error> {
    let path = target.raw_path();
    let mut texts = vec![string_to_sign(head, (target, path), date, hoisted)?];
    if target.host_bucket().is_none() && path.len() > 1 && path.rfind('/') == Some(0) {
        texts.push(string_to_sign(head, (target, &format!("{path}/")), date, hoisted)?);
    }
    Ok(texts)
}

fn string_to_sign(
    head: &Parts,
    (target, path): (&RequestTarget, &str),
    date: &str,
    hoisted: &[(String, String)],
) -> Result<String, S3Error> {
    // As `Verified::unhoist` has it: a header that is there wins over the parameter that stands for it.
    let content = |name: &str| {
        let stands_for = || hoisted.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        if head.headers.contains_key(name) { text(&head.headers, name) } else { stands_for().unwrap_or_default() }
    };
    let mut signed = format!("{}\n{}\n{}\n{date}\n", head.method, content("content-md5"), content("content-type"));

    let mut amazon: Vec<(String, String)> = Vec::new();
    for (name, value) in &head.headers {
        if name.as_str().starts_with("x-amz-") {
            let value = value_text(value).trim().to_owned();
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
    signed.push_str(&resource(target, path)?);
    Ok(signed)
}

/// A header's text, whatever its bytes: what is read as nothing here would be read as something elsewhere.
fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| value_text(value).trim().to_owned()).unwrap_or_default()
}

impl Verifier {
    pub(crate) fn check_v2(&self) -> Result<(), S3Error> {
        if self.settings.sigv2 {
            return Ok(());
        }
        Err(S3Error::with(
            Code::InvalidRequest,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ))
    }
}
