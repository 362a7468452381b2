//! Authentication: verifies signatures. An [`Identity`] exists only as the output of verification.
//!
//! A claim is found in the `Authorization` header (`header`), in the query (`query`) or in the old form of version 2
//! (`v2`), checked for what it must say, and then proven: `engine` computes the signature that the
//! owner of the secret would have made of this very request, and the two are compared in constant time. An unknown key takes the
//! same way with a secret that nobody has.
//!
//! Until then a request is anybody's, so what is done for it is linear in its size, and its size is bounded:
//! - the head is 32 KiB at most (`app/listener/connection.rs`), with [`HEADERS_MAX`](super::body::HEADERS_MAX) headers;
//! - the query has [`PARAMETERS_MAX`](crate::s3::uri::PARAMETERS_MAX) parameters at most; what compares each with each (hoisted
//!   headers, the rows of the route table) stays below that number's square;
//! - `SignedHeaders` is sorted, names each header once, and nothing that is not there (`claim`), so a canonical request
//!   is no larger than three times the head, percent signs being encoded; it is made at most four times, one after the other (`v4`);
//! - a session token is 16 KiB at most (`token`); it is opened once, and so is the policy inside, which was sealed here;
//! - a key that is not remembered costs one query, and that it does not exist is remembered as well (`app/keys.rs`), unless
//!   it is longer than any could be;
//! - a refusal repeats no more than `SHOWN_BYTES_MAX` of what was to be signed;
//! - bodies that are read before their signature can be verified have a share of their own (`s3/body/unverified.rs`): the
//!   forms of IAM and STS, whose access key must exist then, and the fields of `PostObject`, whose policy is parsed once it
//!   is proven.

mod caller;
mod form;
mod keys;
mod payload;
mod service;
mod signature;
#[cfg(test)]
pub(crate) mod tests;
mod time;
mod token;
pub(crate) mod v2;
pub(crate) mod v4;

use std::sync::Arc;

use aws_lc_rs::digest;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use zeroize::Zeroizing;

pub use caller::Caller;
pub use keys::{KeyError, KeySource, NewKey, NewSession, TEMPORARY, TemporaryKey};
pub use service::Service;
pub use signature::{Signature, SignaturePlace, SignatureVersion};
pub use v4::chunks::ChunkSigner;

use crate::clock::{Ambient, random};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request_target::RequestTarget;

/// Settings of signature verification.
#[derive(Clone, Debug)]
pub struct AuthSettings {
    /// The region of the gateway.
    pub region: String,
    /// Refuse signatures made for another region (with `<Region>`, so that clients sign again).
    pub strict_region: bool,
    /// Accept the old signature version 2, which boto3 still uses for presigned URLs and forms.
    pub sigv2: bool,
    /// How far a client's clock may be off, in seconds.
    pub skew_seconds: i64,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self { region: "us-east-1".to_owned(), strict_region: false, sigv2: true, skew_seconds: 900 }
    }
}

/// Who sent a request.
#[derive(Clone, Debug)]
pub enum Identity {
    /// The request carried no credentials at all.
    Anonymous,
    /// The request was signed with this access key.
    Known(Arc<Caller>),
}

/// How the body is covered by the signature.
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
    /// What it was signed with; none for a request without credentials.
    pub signature: Option<Signature>,
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
    /// The dummy secret used for unknown keys, so that they take the same time.
    dummy_secret: Zeroizing<String>,
}

impl Verifier {
    /// A verifier of signatures by these keys.
    #[must_use]
    pub fn new(keys: Arc<dyn KeySource>, settings: AuthSettings, ambient: Ambient) -> Self {
        let dummy_secret = Zeroizing::new(hex::encode(random::<20>(ambient.entropy.as_ref())));
        Self { keys, settings, ambient, dummy_secret }
    }

    /// Finds out who sent a request. `target` is the one the request is routed by. Follow it with [`Verified::unhoist`].
    ///
    /// # Errors
    /// Every way in which a request that claims an identity fails to prove it.
    pub async fn verify(&self, head: &Parts, target: &RequestTarget) -> Result<Verified, S3Error> {
        let query = target.query();
        let authorization = v4::header::authorization(&head.headers)?;
        let claims = (authorization, v4::query::claims(query), v2::verify::claims(query));
        match claims {
            (None, false, false) => {
                let payload = payload::Declared::parse(payload::text(&head.headers, None)?)?.of_anonymous()?;
                Ok(Verified { identity: Identity::Anonymous, payload, signature: None, hoisted: Vec::new() })
            }
            (Some(v4::header::Authorization::V4(rest)), false, false) => {
                let claim = v4::header::parse(rest, &head.headers, &[Service::S3])?;
                v4::verify::verify(self, &claim, head, target, None).await
            }
            (Some(v4::header::Authorization::V2(rest)), false, false) => {
                v2::verify::verify_header(self, rest, head, target).await
            }
            (None, true, false) => {
                let claim = v4::query::parse(query, self.ambient.clock.now(), self.settings.skew_seconds)?;
                v4::verify::verify(self, &claim, head, target, None).await
            }
            (None, false, true) => v2::verify::verify_query(self, head, target).await,
            _ => Err(S3Error::with(
                Code::InvalidArgument,
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
                 parameter or the Authorization header should be specified",
            )),
        }
    }

    /// Finds out who sent a call of the IAM or STS API. The signature covers the body, so `body` reads it, but only when
    /// all else is in order: the claim can be read and is of now, and its access key exists; and where the head names the
    /// digest of the body, only when the signature is right.
    ///
    /// # Errors
    /// As [`Verifier::verify`]; `AccessDenied` when nobody signed; what `body` says.
    pub async fn verify_action<B: std::ops::Deref<Target = [u8]>>(
        &self,
        head: &Parts,
        target: &RequestTarget,
        body: impl Future<Output = Result<B, S3Error>>,
    ) -> Result<(Arc<Caller>, Service, B), S3Error> {
        let Some(v4::header::Authorization::V4(rest)) = v4::header::authorization(&head.headers)? else {
            return Err(Code::AccessDenied.into());
        };
        let claim = v4::header::parse(rest, &head.headers, &[Service::Iam, Service::Sts])?;
        let proven = async |sha256: &str| v4::verify::verify(self, &claim, head, target, Some(sha256)).await;
        let (verified, body) = if let Some(digest) = payload::text(&head.headers, None)? {
            let verified = proven(digest).await?;
            let body = body.await?;
            if digest != sha256_hex(&body) {
                return Err(Code::XAmzContentSHA256Mismatch.into());
            }
            (verified, body)
        } else {
            self.check_region(claim.region, claim.location)?;
            self.check_skew(claim.time)?;
            let key = self.key(claim.access_key, token::of(&head.headers, None)?).await?;
            key.ok_or_else(|| unknown_key(claim.access_key))?;
            let body = body.await?;
            (proven(&sha256_hex(&body)).await?, body)
        };
        match verified.identity {
            Identity::Known(key) => Ok((key, claim.service, body)),
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
            // No key has such an id, and that it has none is not worth remembering.
            _ if id.len() > KEY_BYTES_MAX => Ok(None),
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

fn unknown_key(id: &str) -> S3Error {
    S3Error::new(Code::InvalidAccessKeyId).field("AWSAccessKeyId", v4::claim::shown(id))
}

/// The longest id that an access key can have, in bytes.
const KEY_BYTES_MAX: usize = 128;

/// The longest text that a refusal repeats, in bytes: it is repeated four times over, to somebody who may be anybody.
const SHOWN_BYTES_MAX: usize = 8 << 10;

fn mismatch(access_key: &str, to_sign: &str, signature: &str) -> S3Error {
    let error = S3Error::new(Code::SignatureDoesNotMatch).field("AWSAccessKeyId", access_key);
    if to_sign.len().max(signature.len()) > SHOWN_BYTES_MAX {
        return error;
    }
    error
        .field("StringToSign", to_sign)
        .field("SignatureProvided", signature)
        .field("StringToSignBytes", spaced_hex(to_sign.as_bytes()))
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// `41 57 53`, the way Amazon shows bytes.
fn spaced_hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}
