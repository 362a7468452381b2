//! Verification of a claim of version 4, wherever it was found.

use std::borrow::Cow;

use http::HeaderValue;
use http::request::Parts;
use subtle::ConstantTimeEq;

use crate::s3::auth::payload::{self, Declared};
use crate::s3::auth::signature::{Signature, SignaturePlace, SignatureVersion};
use crate::s3::auth::v4::canonical::{self, Signable, SignedHeaders};
use crate::s3::auth::v4::chunks::ChunkSigner;
use crate::s3::auth::v4::claim::{Claim, SignatureLocation, is_signed};
use crate::s3::auth::v4::{expected, query};
use crate::s3::auth::verifier::SKEW_SECONDS;
use crate::s3::auth::{Identity, Verified, Verifier, refusal, time, token};
use crate::s3::body::content_length;
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request_target::RequestTarget;

/// Verifies a claim. `sha256` is the digest of the body, in hexadecimal, where the body was read before: the signature
/// must then cover it.
pub(crate) async fn verify(
    verifier: &Verifier,
    claim: &Claim<'_>,
    head: &Parts,
    target: &RequestTarget,
    sha256: Option<&str>,
) -> Result<Verified, S3Error> {
    let parameters = target.query();
    verifier.check_region(claim.region, claim.location)?;
    let presigned = claim.location == SignatureLocation::Query;
    if !presigned {
        verifier.check_skew(claim.time)?;
    }
    refuse_unsigned(head, &claim.signed_headers)?;
    let text = payload::text(&head.headers, presigned.then_some(parameters))?;
    if sha256.is_some() && text.is_some() && text != sha256 {
        return Err(Code::XAmzContentSHA256Mismatch.into());
    }
    let text = sha256.or(text);
    let declared = Declared::parse(text)?;
    if presigned {
        declared.without_stream()?;
    }
    let mut signable = Signable {
        method: head.method.as_str(),
        path: Signable::encode_path(target.raw_path())?,
        query: Signable::encode_query(parameters),
        headers: signed(head, target.host(), &claim.signed_headers)?,
        payload: Cow::Borrowed(payload::UNSIGNED),
    };
    let token = token::of(&head.headers, presigned.then_some(parameters))?;
    let key = verifier.key(claim.access_key, token).await?;
    let secret = key.as_ref().map_or(verifier.dummy_secret.as_str(), |key| key.secret.as_str());
    let proven = prove(&mut signable, claim, head, secret, declared.candidates(text, presigned))?;
    // Only after the same work as for a known key.
    let key = key.ok_or_else(|| refusal::unknown_key(claim.access_key))?;
    let (proven, covers_payload) = proven.ok_or_else(|| mismatch(&signable, claim))?;
    let chunks = || ChunkSigner::new(&key.secret, claim.time, claim.region, claim.signature);
    verifier.keys.used(&key, claim.service.word(), claim.region);
    let hoisted = if presigned { query::hoisted(parameters, surely_empty(head), true)? } else { Vec::new() };
    let location = if presigned { SignaturePlace::Query } else { SignaturePlace::Header };
    let (version, signed_at) = (SignatureVersion::V4, Some(claim.time));
    let signature = Some(Signature { version, location, signed_at, covers_payload });
    Ok(Verified { payload: proven.verified(chunks), identity: Identity::Known(key), signature, hoisted })
}

/// Tries what the client may have signed; `None` when nothing matches, with `signable` left as first tried. The flag says
/// whether the signature covers what is declared about the body.
fn prove<'a>(
    signable: &mut Signable<'a>,
    claim: &Claim<'_>,
    head: &Parts,
    secret: &str,
    payloads: Vec<(&'a str, Declared)>,
) -> Result<Option<(Declared, bool)>, S3Error> {
    // hyper drops `Content-Length` when the body is chunked, although clients sign it: of a stream it was the content's length, which
    // the stream is then held to. Nothing holds another body to what this header says.
    let dropped = signable.headers.iter().position(|(name, value)| name == "content-length" && value.is_empty());
    let decoded = head.headers.get("x-amz-decoded-content-length").and_then(|value| value.to_str().ok());
    for length in [decoded, Some("")].into_iter().flatten() {
        for (text, declared) in &payloads {
            if !length.is_empty() && (dropped.is_none() || !declared.is_stream()) {
                continue;
            }
            if let Some(index) = dropped {
                signable.headers[index].1 = Cow::Owned(length.to_owned());
            }
            signable.payload = Cow::Borrowed(text);
            let expected = expected::signature(signable, claim.time, (claim.region, claim.service), secret)?;
            if bool::from(expected.ct_eq(&claim.signature)) {
                return Ok(Some((*declared, *text != payload::UNSIGNED)));
            }
        }
    }
    signable.payload = Cow::Borrowed(payloads.first().map_or(payload::UNSIGNED, |(text, _)| text));
    Ok(None)
}

/// Every `x-amz-*` header must be signed: an unsigned one could have been added by a third party. The digest of the body is part
/// of what is signed whether or not its header is.
fn refuse_unsigned(head: &Parts, signed: &[&str]) -> Result<(), S3Error> {
    let names = head.headers.keys().map(http::HeaderName::as_str);
    let unsigned: Vec<&str> = names
        .filter(|name| name.starts_with("x-amz-") && *name != "x-amz-content-sha256" && !is_signed(signed, name))
        .collect();
    if unsigned.is_empty() {
        return Ok(());
    }
    Err(S3Error::with(Code::AccessDenied, "There were headers present in the request which were not signed")
        .field("HeadersNotSigned", unsigned.join(", ")))
}

/// The headers named as signed, with their values. `host` is the one of the target, wherever it was named.
fn signed<'a>(head: &'a Parts, host: &'a str, names: &[&'a str]) -> Result<SignedHeaders<'a>, S3Error> {
    let mut headers = Vec::with_capacity(names.len());
    for &name in names {
        let lower = || match name.bytes().any(|b| b.is_ascii_uppercase()) {
            true => Cow::Owned(name.to_ascii_lowercase()),
            false => Cow::Borrowed(name),
        };
        if lower() == "host" && !host.is_empty() {
            headers.push((lower(), Cow::Borrowed(host)));
            continue;
        }
        let before = headers.len();
        headers.extend(head.headers.get_all(name).iter().map(|value| (lower(), value_text(value))));
        if headers.len() > before {
            continue;
        }
        let chunked = head.headers.contains_key(http::header::TRANSFER_ENCODING);
        match lower().as_ref() {
            "content-length" if chunked => headers.push((lower(), Cow::Borrowed(""))),
            missing => {
                return Err(S3Error::new(Code::SignatureDoesNotMatch)
                    .field("HeadersMissing", crate::s3::auth::v4::claim::shown(missing)));
            }
        }
    }
    Ok(headers)
}

/// A header's text. Clients sign the text; some then send it as Latin-1.
pub(crate) fn value_text(value: &HeaderValue) -> Cow<'_, str> {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(value.as_bytes().iter().copied().map(char::from).collect()),
    }
}

/// Whether the request surely has no content.
pub(crate) fn surely_empty(head: &Parts) -> bool {
    match content_length(&head.headers) {
        Ok(Some(length)) => length == 0,
        Ok(None) => !head.headers.contains_key(http::header::TRANSFER_ENCODING),
        Err(_) => false,
    }
}

/// The refusal, with all that a client needs to find its mistake.
fn mismatch(signable: &Signable<'_>, claim: &Claim<'_>) -> S3Error {
    let canonical = signable.canonical();
    let to_sign = canonical::string_to_sign(claim.time, (claim.region, claim.service), &canonical);
    let error = refusal::mismatch(claim.access_key, &to_sign, &hex::encode(claim.signature));
    if canonical.len() > refusal::SHOWN_BYTES_MAX {
        return error;
    }
    error
        .field("CanonicalRequest", canonical.as_str())
        .field("CanonicalRequestBytes", refusal::spaced_hex(canonical.as_bytes()))
}

impl Verifier {
    /// The region must be our own, if the operator wants that.
    pub(crate) fn check_region(&self, given: &str, location: SignatureLocation) -> Result<(), S3Error> {
        let own = self.settings.region.as_str();
        if !self.settings.strict_region || given == own {
            return Ok(());
        }
        let given = crate::s3::auth::v4::claim::shown(given);
        let why = match location {
            SignatureLocation::Header => format!("the region '{given}' is wrong; expecting '{own}'"),
            SignatureLocation::Query => format!(
                "Error parsing the X-Amz-Credential parameter; the region '{given}' is wrong; expecting '{own}'"
            ),
        };
        Err(location.malformed(&why).field("Region", own))
    }

    /// The client's clock must agree with ours within the allowed skew.
    pub(crate) fn check_skew(&self, seconds: i64) -> Result<(), S3Error> {
        let now = self.ambient.clock.now().seconds();
        if (now - seconds).abs() <= SKEW_SECONDS {
            return Ok(());
        }
        Err(S3Error::new(Code::RequestTimeTooSkewed)
            .field("RequestTime", time::basic(seconds))
            .field("ServerTime", time::extended(now))
            .field("MaxAllowedSkewMilliseconds", (SKEW_SECONDS * 1_000).to_string()))
    }
}
