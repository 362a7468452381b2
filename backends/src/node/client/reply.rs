//! Replies of a node: never more is read than was asked for, and nothing is believed that was not.

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use super::pinned::transport_error;
use crate::StoreError;
use crate::node::protocol::{Failure, FailureCode, SMALL_BODY_MAX};

/// What a node answered: what was asked for, or why not.
///
/// # Errors
/// The connection broke, or the node does not speak the protocol.
pub(super) async fn or_failure(reply: Response<Incoming>) -> Result<Result<Response<Incoming>, Failure>, StoreError> {
    if reply.status() == StatusCode::OK {
        return Ok(Ok(reply));
    }
    let status = reply.status();
    let body = small(reply).await?;
    let unknown =
        |_| StoreError::unavailable(format!("the node answered {status} in words that are not the protocol's"));
    let failure: Failure = serde_json::from_slice(&body).map_err(unknown)?;
    if failure.code.status() != status.as_u16() {
        return Ok(Err(Failure::new(FailureCode::Unavailable, format!("status {status} with code {failure}"))));
    }
    Ok(Err(failure))
}

/// A body in JSON.
///
/// # Errors
/// As [`or_failure`].
pub(super) async fn json<T: DeserializeOwned>(reply: Response<Incoming>) -> Result<T, StoreError> {
    let body = small(reply).await?;
    serde_json::from_slice(&body).map_err(|error| StoreError::unavailable(format!("the node's reply: {error}")))
}

/// Exactly so many bytes.
///
/// # Errors
/// [`StoreError::Unavailable`] if the reply has another length or breaks off.
pub(super) async fn exactly(reply: Response<Incoming>, len: usize) -> Result<BytesMut, StoreError> {
    if stated_len(&reply) != Some(len as u64) {
        return Err(StoreError::unavailable(format!(
            "the node's reply has another length than the {len} bytes asked for"
        )));
    }
    let mut body = reply.into_body();
    let mut bytes = BytesMut::with_capacity(len);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|error| transport_error(&error))?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    if bytes.len() == len { Ok(bytes) } else { Err(StoreError::unavailable("the node's reply ends early")) }
}

async fn small(reply: Response<Incoming>) -> Result<Bytes, StoreError> {
    bytes(reply, SMALL_BODY_MAX).await
}

/// At most so many bytes.
///
/// # Errors
/// [`StoreError::Unavailable`] if they are more, or the reply breaks off.
pub(super) async fn bytes(reply: Response<Incoming>, max: u64) -> Result<Bytes, StoreError> {
    match stated_len(&reply).filter(|len| *len <= max).map(usize::try_from) {
        Some(Ok(len)) => Ok(exactly(reply, len).await?.freeze()),
        _ => Err(StoreError::unavailable("the node's reply is too long, or does not say how long it is")),
    }
}

fn stated_len(reply: &Response<Incoming>) -> Option<u64> {
    reply.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
