//! Who sent a request, and what its body must prove. Identity exists only as the output of verification.

mod chunks;
mod keys;

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

pub use chunks::ChunkSigner;
pub use keys::{KeyError, KeySource};

use super::error::{Code, S3Error};
use crate::clock::Ambient;
use crate::domain::AccessKey;

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
    /// The holder of this access key signed the request.
    Known(Arc<AccessKey>),
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
}

impl Verifier {
    /// A verifier of signatures by these keys.
    #[must_use]
    pub fn new(keys: Arc<dyn KeySource>, settings: AuthSettings, ambient: Ambient) -> Self {
        Self { keys, settings, ambient }
    }

    /// Finds out who sent a request. `raw_target` is the request target as it stood on the wire. Follow it with
    /// [`Verified::unhoist`].
    ///
    /// # Errors
    /// Every way in which a request that claims an identity fails to prove it.
    pub async fn verify(&self, head: &Parts, raw_target: &str) -> Result<Verified, S3Error> {
        let _ = (head, raw_target, &self.settings, &self.ambient, self.keys.access_key("").await);
        Err(S3Error::new(Code::AccessDenied))
    }
}
