//! Who sent a request, and what its body must prove. Identity exists only as the output of verification.

//!
//! A claim is found in the `Authorization` header (`header`), in the query (`query`) or in the old form of version 2
//! (`v2`), checked for what it must say, and then proven: `engine` computes the signature that the holder of the
//! secret would have made of this very request, and the two are compared in constant time. An unknown key takes the
//! same way with a secret that nobody has.

mod caller;
mod canonical;
mod chunks;
mod claim;
mod engine;
mod form;
mod header;
mod keys;
mod payload;
mod query;
mod service;
#[cfg(test)]
pub(crate) mod tests;
mod time;
mod token;
mod v2;
mod v2_resource;
mod v4;

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use zeroize::Zeroizing;

pub use caller::Caller;
pub use chunks::ChunkSigner;
pub use keys::{KeyError, KeySource, NewKey, NewSession, TEMPORARY, TemporaryKey};
pub use service::Service;

use super::error::{Code, S3Error};
use super::uri::{self, Query};
use crate::clock::{Ambient, random};

/// How strict the door is about signatures.
#[derive(Clone, Debug)]
pub struct AuthSettings {
    /// The region the gateway says it is in.
    pub region: String,
    /// Refuse signatures made for another region (with `<Region>`, so that clients sign again).
    pub strict_region: bool,
    /// Accept the old signature version 2, which boto3 still uses for presigned URLs and forms.
    pub sigv2: bool,
    /// How far a client's clock may be off, in seconds.
    pub skew_seconds: i64,
    /// Domains whose subdomains are buckets: signatures of version 2 cover the bucket's name.
    pub domains: Vec<String>,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            strict_region: false,
            sigv2: true,
            skew_seconds: 900,
            domains: Vec::new(),
        }
    }
}

/// Who sent a request.
#[derive(Clone, Debug)]
pub enum Identity {
    /// The request carried no credentials at all.
    Anonymous,
    /// The holder of this access key signed the request.
    Known(Arc<Caller>),
}

/// What the signature says about the body.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Nothing: `UNSIGNED-PAYLOAD`, presigned, version 2, anonymous.
    Unsigned,
    /// The body has this SHA-256.
    Digest([u8; 32]),
    /// The body is in chunks, unsigned, followed by a trailer (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`).
    UnsignedTrailer,
    /// The body is in chunks that carry their own signatures.
    SignedChunks {
        /// Computes what each of them should be.
        context: Box<ChunkSigner>,
        /// A signed trailer follows the last one.
        trailer: bool,
    },
}

/// A verified request.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Who sent it.
    pub identity: Identity,
    /// What its body must prove.
    pub payload: Payload,
    /// It was signed in its query (`response-*` overrides are allowed, `x-amz-*` parameters are headers).
    pub presigned: bool,
    /// `x-amz-*` headers that a presigned URL carries as query parameters, all signed.
    pub hoisted: Vec<(HeaderName, HeaderValue)>,
}

impl Verified {
    /// Puts the hoisted headers where they belong, so that everything after reads headers only. A header that the
    /// request really has wins.
    pub fn unhoist(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.hoisted {
            if !headers.contains_key(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Verifies requests. Shared by all connections.
#[derive(Debug)]
pub struct Verifier {
    keys: Arc<dyn KeySource>,
    settings: AuthSettings,
    ambient: Ambient,
    /// The secret of every key that does not exist.
    nobody: Zeroizing<String>,
}

impl Verifier {
    /// A verifier of signatures by these keys.
    #[must_use]
    pub fn new(keys: Arc<dyn KeySource>, settings: AuthSettings, ambient: Ambient) -> Self {
        let nobody = Zeroizing::new(hex::encode(random::<20>(ambient.entropy.as_ref())));
        Self { keys, settings, ambient, nobody }
    }

    /// Finds out who sent a request. `raw_target` is the request target as it stood on the wire. Follow it with
    /// [`Verified::unhoist`].
    ///
    /// # Errors
    /// Every way in which a request that claims an identity fails to prove it.
    pub async fn verify(&self, head: &Parts, raw_target: &str) -> Result<Verified, S3Error> {
        let raw = uri::split(raw_target)?;
        let query = Query::parse(raw.1)?;
        let authorization = header::authorization(&head.headers)?;
        let claims = (authorization, query::claims(&query), v2::claims(&query));
        match claims {
            (None, false, false) => {
                let payload = payload::Declared::parse(payload::text(&head.headers, None)?)?.of_nobody()?;
                Ok(Verified { identity: Identity::Anonymous, payload, presigned: false, hoisted: Vec::new() })
            }
            (Some(header::Authorization::V4(rest)), false, false) => {
                let claim = header::parse(rest, &head.headers, &[Service::S3])?;
                v4::verify(self, &claim, head, (raw.0, &query), None).await
            }
            (Some(header::Authorization::V2(rest)), false, false) => {
                v2::verify_header(self, rest, head, raw, &query).await
            }
            (None, true, false) => {
                let claim = query::parse(&query, self.ambient.clock.now(), self.settings.skew_seconds)?;
                v4::verify(self, &claim, head, (raw.0, &query), None).await
            }
            (None, false, true) => v2::verify_query(self, head, raw, &query).await,
            _ => Err(S3Error::with(
                Code::InvalidArgument,
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
                 parameter or the Authorization header should be specified",
            )),
        }
    }

    /// Finds out who sent a call of the IAM or STS API, whose body was read: `sha256` is its digest in hexadecimal.
    ///
    /// # Errors
    /// As [`Verifier::verify`]; `AccessDenied` when nobody signed.
    pub async fn verify_action(
        &self,
        head: &Parts,
        raw_target: &str,
        sha256: &str,
    ) -> Result<(Arc<Caller>, Service), S3Error> {
        let raw = uri::split(raw_target)?;
        let query = Query::parse(raw.1)?;
        let Some(header::Authorization::V4(rest)) = header::authorization(&head.headers)? else {
            return Err(Code::AccessDenied.into());
        };
        let claim = header::parse(rest, &head.headers, &[Service::Iam, Service::Sts])?;
        let verified = v4::verify(self, &claim, head, (raw.0, &query), Some(sha256)).await?;
        match verified.identity {
            Identity::Known(key) => Ok((key, claim.service)),
            Identity::Anonymous => Err(Code::AccessDenied.into()),
        }
    }

    /// Where keys come from.
    #[must_use]
    pub fn keys(&self) -> &dyn KeySource {
        self.keys.as_ref()
    }

    /// The key of this id, as the token makes it when there is one.
    async fn key(&self, id: &str, token: Option<&str>) -> Result<Option<Arc<Caller>>, S3Error> {
        let found = match token {
            Some(token) => self.keys.temporary_key(id, token).await,
            None if id.starts_with(TEMPORARY) => Ok(None),
            None => self.keys.access_key(id).await,
        };
        found.map_err(|error| match error {
            KeyError::Unavailable(_) => S3Error::unavailable(error.to_string()),
            KeyError::Damaged(_) => S3Error::internal(error.to_string()),
            KeyError::Forged => Code::InvalidToken.into(),
            KeyError::Expired => Code::ExpiredToken.into(),
        })
    }
}

/// Seconds since the epoch of a date as `x-amz-date` has it.
pub(in crate::s3) fn parse_date(text: &str) -> Option<i64> {
    time::parse_basic(text)
}

fn unknown_key(id: &str) -> S3Error {
    S3Error::new(Code::InvalidAccessKeyId).field("AWSAccessKeyId", claim::shown(id))
}

fn mismatch(access_key: &str, to_sign: &str, signature: &str) -> S3Error {
    S3Error::new(Code::SignatureDoesNotMatch)
        .field("AWSAccessKeyId", access_key)
        .field("StringToSign", to_sign)
        .field("SignatureProvided", signature)
        .field("StringToSignBytes", spaced_hex(to_sign.as_bytes()))
}

/// `41 57 53`, the way Amazon shows bytes.
fn spaced_hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}
