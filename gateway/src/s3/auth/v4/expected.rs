//! What the signature of a request should be, by `aws-sigv4`.
//!
//! The crate signs; verification signs again with the claimed date, scope and headers, and compares. Its defaults are
//! for other services, and some of its corners are sharp, hence the settings below and these rules:
//! - `host` must be among the headers: without it the crate panics. [`super::claim::signed_headers`] sees to it;
//! - path and query are handed over already in Amazon's encoding, so that the crate's own parsing changes nothing;
//! - a presigned request is signed in header mode too, its parameters being an ordinary part of the query: the query
//!   mode would drop some headers from the signature (`x-amz-checksum-mode`) although clients do sign them;
//! - `x-amz-date` is always put in, so it has to be excluded when the client did not sign it.

use std::borrow::Cow;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;

use crate::s3::auth::service::Service;
use crate::s3::auth::time;
use crate::s3::auth::v4::canonical::Signable;
use crate::s3::error::{Code, S3Error};

/// The signature that `secret` would have made at `seconds` for `region` and `service`.
pub(crate) fn signature(
    request: &Signable<'_>,
    seconds: i64,
    (region, service): (&str, Service),
    secret: &str,
) -> Result<[u8; 32], S3Error> {
    let has_date = request.headers.iter().any(|(name, _)| name == "x-amz-date");
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    settings.signature_location = SignatureLocation::Headers;
    settings.excluded_headers = (!has_date).then(|| vec![Cow::Borrowed("x-amz-date")]);

    let identity = Credentials::new("-", secret, None, None, "haulout").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service.word())
        .time(time::system(seconds))
        .settings(settings)
        .build()
        .map_err(|error| S3Error::internal(error.to_string()))?
        .into();
    let headers = request.headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
    let body = SignableBody::Precomputed(request.payload.clone().into_owned());
    // What the crate cannot express (a target beyond 64 KiB) no client of ours can have signed.
    let cannot = |_| S3Error::new(Code::SignatureDoesNotMatch);
    let signable = SignableRequest::new(request.method, request.target(), headers, body).map_err(cannot)?;
    let (_, signature) = sign(signable, &params).map_err(cannot)?.into_parts();
    let mut bytes = [0; 32];
    hex::decode_to_slice(signature, &mut bytes).map_err(|error| S3Error::internal(error.to_string()))?;
    Ok(bytes)
}
