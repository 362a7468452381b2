//! Signatures as clients make them, and as attackers change them.

mod attacks;
mod presigned;
mod properties;
mod tokens;
mod vectors;
mod version2;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use zeroize::Zeroizing;

use super::*;
use crate::clock::{Ambient, Clock, Entropy};
pub(super) use crate::config::S3Config;
use crate::domain::{AccessKey, CanonicalId, Timestamp, User, UserId};
use crate::s3::auth::v2::verify as v2;
use crate::s3::auth::v4::{canonical, expected as engine};
use crate::s3::auth::verify::sha256_hex;
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request_target::RequestTarget;
use crate::s3::uri::{self, Query};

/// The access key of Amazon's examples.
pub(crate) const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
/// Its secret.
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// The time of Amazon's examples: 24 May 2013, midnight.
pub(crate) const MIDNIGHT: i64 = 1_369_353_600;
/// A session token that goes with the key.
pub(crate) const TOKEN: &str = "token/+=";
/// The digest of an empty body.
pub(crate) const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A clock that stands still until it is set.
#[derive(Debug)]
pub(crate) struct StillClock(AtomicI64);

impl StillClock {
    pub(crate) fn at(seconds: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(seconds)))
    }

    pub(crate) fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::default().plus_seconds(self.0.load(Ordering::Relaxed))
    }
}

#[derive(Debug)]
struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(1);
    }
}

#[derive(Debug)]
struct OneKey;

#[async_trait]
impl KeySource for OneKey {
    async fn access_key(&self, id: &str) -> Result<Option<Arc<Caller>>, KeyError> {
        let user = User {
            id: UserId(1),
            name: "example".to_owned(),
            canonical_id: CanonicalId("ab".repeat(32)),
            root: false,
            created_at: Timestamp(0),
        };
        let key = AccessKey {
            id: KEY.to_owned(),
            secret: Zeroizing::new(SECRET.to_owned()),
            user,
            principal_policies: None,
            session: None,
            account_policies: Vec::new(),
        };
        Ok((id == KEY).then(|| Arc::new(Caller::new(key).expect("no policies"))))
    }

    async fn temporary_key(&self, id: &str, token: &str) -> Result<Option<Arc<Caller>>, KeyError> {
        match token {
            TOKEN => self.access_key(id).await,
            "old" => Err(KeyError::Expired),
            _ => Err(KeyError::Forged),
        }
    }

    fn used(&self, _key: &AccessKey, _service: &'static str, _region: &str) {}

    fn draw(&self) -> NewKey {
        NewKey { id: "AKIANEW".to_owned(), secret: Zeroizing::new("new".to_owned()), sealed_secret: Vec::new() }
    }

    fn draw_temporary(&self, _caller: &AccessKey, session: &NewSession) -> TemporaryKey {
        let secret = Zeroizing::new("new".to_owned());
        let expires_at = MIDNIGHT + i64::from(session.seconds);
        TemporaryKey { id: "ASIANEW".to_owned(), secret, token: "token".to_owned(), expires_at }
    }
}

/// A verifier that knows the one key, at this time.
pub(crate) fn verifier_at(clock: Arc<StillClock>, settings: S3Config) -> Verifier {
    Verifier::new(Arc::new(OneKey), settings, Ambient { clock, entropy: Arc::new(NoEntropy) })
}

/// A verifier at the time of Amazon's examples.
pub(crate) fn verifier() -> Verifier {
    verifier_at(StillClock::at(MIDNIGHT), S3Config::default())
}

/// The head of a request.
pub(crate) fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let request = headers.iter().fold(Request::builder().method(method).uri(target), |request, (name, value)| {
        request.header(*name, value.as_bytes())
    });
    request.body(()).expect("a valid request").into_parts().0
}

/// Verifies a request with the verifier of the examples.
pub(crate) async fn verify(head: &Parts) -> Result<Verified, S3Error> {
    verify_with(&verifier(), head).await
}

/// Verifies a request.
pub(crate) async fn verify_with(verifier: &Verifier, head: &Parts) -> Result<Verified, S3Error> {
    verifier.verify(head, &target_of(head)).await
}

/// The target of a request, under the domain of Amazon's examples.
pub(crate) fn target_of(head: &Parts) -> RequestTarget {
    let wire = head.uri.path_and_query().expect("a target").as_str();
    wire_target(head, wire).expect("a target")
}

/// The target of a request that stood so on the wire.
pub(crate) fn wire_target(head: &Parts, wire: &str) -> Result<RequestTarget, S3Error> {
    let host = head.headers.get("host").map(|host| host.to_str().expect("text"));
    let host = host.or_else(|| head.uri.authority().map(|authority| authority.as_str())).unwrap_or_default();
    RequestTarget::parse(host, wire, &["s3.amazonaws.com".to_owned()])
}

/// A client that signs with `aws-sigv4`, as SDKs in Rust do.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) key: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
    pub(crate) time: i64,
}

impl Default for Client {
    fn default() -> Self {
        Self { key: KEY, secret: SECRET, region: "us-east-1", service: "s3", time: MIDNIGHT }
    }
}

impl Client {
    /// The headers of a signed request. `target` must be in Amazon's encoding.
    pub(crate) fn sign(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        payload: &str,
    ) -> Vec<(String, String)> {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.excluded_headers = None;
        let identity = Credentials::new(self.key, self.secret, None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(time::system(self.time))
            .settings(settings)
            .build()
            .expect("complete")
            .into();
        let body = SignableBody::Precomputed(payload.to_owned());
        let request = SignableRequest::new(method, target, headers.iter().copied(), body).expect("signable");
        let (instructions, _) = sign(request, &params).expect("signs").into_parts();
        let own = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        own.chain(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
    }

    /// A signed request, ready to be verified.
    pub(crate) fn request(&self, method: &str, target: &str, headers: &[(&str, &str)], payload: &str) -> Parts {
        let signed = self.sign(method, target, headers, payload);
        let signed: Vec<_> = signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        head(method, target, &signed)
    }

    /// A presigned target, made by hand from the rules: the oracle for the query form.
    pub(crate) fn presign(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        expires: &str,
    ) -> String {
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let scope = canonical::scope(self.time, self.region, Service::S3);
        let credential = format!("{}/{scope}", self.key);
        let (date, names) = (time::basic(self.time), names.join(";"));
        let own = [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", credential.as_str()),
            ("X-Amz-Date", date.as_str()),
            ("X-Amz-Expires", expires),
            ("X-Amz-SignedHeaders", names.as_str()),
        ];
        let encode = |text: &str| {
            let mut encoded = String::new();
            uri::encode_query(text.as_bytes(), &mut encoded);
            encoded
        };
        let signable = canonical::Signable {
            method,
            path: path.to_owned(),
            query: own.iter().chain(query).map(|(name, value)| (encode(name), encode(value))).collect(),
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            payload: "UNSIGNED-PAYLOAD".into(),
        };
        let to_sign = canonical::string_to_sign(self.time, (self.region, Service::S3), &signable.canonical());
        let signing_key = v4::generate_signing_key(self.secret, time::system(self.time), self.region, "s3");
        let signature = v4::calculate_signature(signing_key, to_sign.as_bytes());
        format!("{}&X-Amz-Signature={signature}", signable.target())
    }
}

/// The value of an XML field of an error.
pub(crate) fn field<'a>(error: &'a S3Error, name: &str) -> Option<&'a str> {
    error.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}
