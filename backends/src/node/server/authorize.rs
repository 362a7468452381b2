//! Who asks, and whether they may: before anything of the body is read.

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::request::Parts;

use super::node::Node;
use super::tenant::Tenant;
use crate::directory::DirectoryStore;
use crate::node::ambient::now_seconds;
use crate::node::protocol::{
    Authorization, BATCH_BYTES_MAX, BodyDigest, CLOCK_SKEW_SECONDS, Call, Failure, FailureCode, PublicKey,
    SMALL_BODY_MAX, SignedRequest,
};

/// A gateway that was recognised, and its request.
#[derive(Debug)]
pub(super) struct Caller {
    /// What the header said.
    pub(super) authorization: Authorization,
    /// The key that signed.
    pub(super) gateway: PublicKey,
    /// What was signed.
    pub(super) text: String,
    /// What its cluster has.
    pub(super) tenant: Arc<Tenant>,
    /// What it calls the store.
    pub(super) backend: String,
    /// Its cluster's store.
    pub(super) store: DirectoryStore,
}

/// Recognises the gateway. Cheap looks come first; a signature is verified only for a session that the node gave.
///
/// # Errors
/// The codes of [`FailureCode`] about sessions, signatures, times and admission.
pub(super) fn authorize(node: &Node, parts: &Parts, call: &Call) -> Result<Caller, Failure> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Failure::new(FailureCode::Malformed, "a request has one authorization header"));
    };
    let unreadable = |_| Failure::new(FailureCode::Malformed, "the authorization header cannot be read");
    let authorization: Authorization = value.to_str().map_err(unreadable)?.parse()?;
    check_body(parts, call, &authorization.body)?;
    check_time(authorization.time)?;
    let opened = node.sessions.find(&authorization.session, &authorization.cluster)?;
    let tenant = node.admissions.find(&opened.cluster, &opened.gateway)?;
    let text = SignedRequest { authorization: &authorization, node: node.key.public(), call }.text();
    if !opened.gateway.verifies(&text, &authorization.signature) {
        return Err(Failure::new(FailureCode::BadSignature, "the signature does not fit the request"));
    }
    node.sessions.take(&authorization.session, authorization.counter)?;
    let store = tenant.store(&opened.backend)?;
    Ok(Caller { authorization, gateway: opened.gateway, text, tenant, backend: opened.backend, store })
}

/// A signed time must be near the node's own.
pub(super) fn check_time(time: u64) -> Result<(), Failure> {
    let now = now_seconds();
    if now.abs_diff(time) <= CLOCK_SKEW_SECONDS {
        return Ok(());
    }
    let reason = format!("signed at {time}, and it is {now} here: {CLOCK_SKEW_SECONDS} seconds apart at most");
    Err(Failure::new(FailureCode::Stale, reason))
}

/// The body is announced as its operation wants it, and as long as the head says.
fn check_body(parts: &Parts, call: &Call, body: &BodyDigest) -> Result<(), Failure> {
    let len = match (call, body) {
        (Call::Store { .. }, BodyDigest::Streamed) => return Ok(()),
        (Call::Store { .. }, BodyDigest::Whole { .. }) | (_, BodyDigest::Streamed) => {
            return Err(Failure::new(
                FailureCode::Malformed,
                "slivers under their name are streamed, and nothing else is",
            ));
        }
        (_, BodyDigest::Whole { len, .. }) => *len,
    };
    let max = if matches!(call, Call::StoreBatch { .. }) { BATCH_BYTES_MAX } else { SMALL_BODY_MAX };
    if len > max {
        return Err(Failure::new(FailureCode::TooLarge, format!("a body of {len} bytes, {max} at most")));
    }
    let stated = parts.headers.get(CONTENT_LENGTH).map_or(Some(0), |value| value.to_str().ok()?.parse().ok());
    if stated == Some(len) {
        Ok(())
    } else {
        Err(Failure::new(FailureCode::Malformed, "the body has another length than was signed"))
    }
}
