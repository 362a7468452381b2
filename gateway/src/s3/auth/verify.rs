//! Verifies requests: finds the claim, and has it proven by the version of signatures it is made in.

use std::sync::Arc;

use aws_lc_rs::digest;
use http::request::Parts;

use crate::s3::auth::caller::Caller;
use crate::s3::auth::refusal::unknown_key;
use crate::s3::auth::service::Service;
use crate::s3::auth::verified::{Identity, Verified};
use crate::s3::auth::verifier::{SKEW_SECONDS, Verifier};
use crate::s3::auth::{payload, token, v2, v4};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request_target::RequestTarget;

impl Verifier {
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
                let claim = v4::query::parse(query, self.ambient.clock.now(), SKEW_SECONDS)?;
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
}

pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes).as_ref())
}
