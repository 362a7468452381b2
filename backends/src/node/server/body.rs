//! Bodies of requests and replies.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::Incoming;
use serde::Serialize;

use super::authorize::Caller;
use super::node::Node;
use super::share::Held;
use crate::StoreError;
use crate::node::protocol::{BodyDigest, Failure, FailureCode};

/// The body of a reply.
pub(super) type ReplyBody = UnsyncBoxBody<Bytes, StoreError>;

/// A reply in JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<ReplyBody> {
    let text = serde_json::to_vec(value).unwrap_or_default();
    let mut reply = content(Bytes::from(text));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    reply
}

/// A reply with these bytes.
pub(super) fn content(bytes: Bytes) -> Response<ReplyBody> {
    let never = |never: Infallible| match never {};
    Response::new(Full::new(bytes).map_err(never).boxed_unsync())
}

/// A reply with so many bytes of a stream.
pub(super) fn streamed(len: u64, bytes: BoxStream<'static, Result<Bytes, StoreError>>) -> Response<ReplyBody> {
    let frames = futures::StreamExt::map(bytes, |bytes| bytes.map(Frame::data));
    let mut reply = Response::new(StreamBody::new(frames).boxed_unsync());
    reply.headers_mut().insert(CONTENT_LENGTH, len.into());
    reply
}

/// A refusal.
pub(super) fn refusal(failure: &Failure) -> Response<ReplyBody> {
    json(StatusCode::from_u16(failure.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), failure)
}

/// How long a body may take: this, and a second for each [`BYTES_PER_SECOND_MIN`].
const BODY_WAIT: Duration = Duration::from_secs(10);
const BYTES_PER_SECOND_MIN: u64 = 256 << 10;

/// A body that is held whole; its bytes count until this is dropped.
pub(super) struct HeldBody {
    pub(super) bytes: Bytes,
    _held: Held,
}

/// Receives the body that was announced, and compares its hash.
///
/// # Errors
/// [`FailureCode::Malformed`] if it is shorter or longer, [`FailureCode::BadSignature`] if it is another one.
pub(super) async fn receive(node: &Node, caller: &Caller, body: Incoming) -> Result<HeldBody, Failure> {
    let BodyDigest::Whole { len, hash } = &caller.authorization.body else {
        return Err(Failure::new(FailureCode::Malformed, "the body is not announced whole"));
    };
    let held = caller.tenant.share.hold(&node.held_bytes, *len).await?;
    let wait = BODY_WAIT + Duration::from_secs(len / BYTES_PER_SECOND_MIN);
    let slow = |_| Failure::new(FailureCode::TimedOut, "the body comes too slowly");
    let bytes = tokio::time::timeout(wait, receive_small(body, *len)).await.map_err(slow)??;
    if bytes.len() as u64 != *len {
        return Err(Failure::new(FailureCode::Malformed, "the body ends early"));
    }
    // Compared as hashes are: in the same time wherever they differ.
    if hash_of(&bytes).await? != blake3::Hash::from_bytes(*hash) {
        return Err(Failure::new(FailureCode::BadSignature, "the body is not the one that was signed"));
    }
    Ok(HeldBody { bytes, _held: held })
}

/// Above this a body is hashed on a thread that may compute.
const HASHED_AT_ONCE_BYTES: usize = 64 << 10;

async fn hash_of(bytes: &Bytes) -> Result<blake3::Hash, Failure> {
    if bytes.len() <= HASHED_AT_ONCE_BYTES {
        return Ok(blake3::hash(bytes));
    }
    let bytes = bytes.clone();
    let hashed = tokio::task::spawn_blocking(move || blake3::hash(&bytes)).await;
    hashed.map_err(|error| Failure::new(FailureCode::Unavailable, error.to_string()))
}

/// Receives a body of at most so many bytes.
///
/// # Errors
/// [`FailureCode::Malformed`].
pub(super) async fn receive_small(body: Incoming, max: u64) -> Result<Bytes, Failure> {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let received = Limited::new(body, max).collect().await;
    received
        .map(http_body_util::Collected::to_bytes)
        .map_err(|error| Failure::new(FailureCode::Malformed, error.to_string()))
}

/// A reply's body that keeps what its request took until it was sent, or its reader has gone.
struct Keeping<T> {
    body: ReplyBody,
    _kept: T,
}

/// Lets a body keep something.
pub(super) fn keep<T: Send + Unpin + 'static>(body: ReplyBody, kept: T) -> ReplyBody {
    Keeping { body, _kept: kept }.boxed_unsync()
}

impl<T: Unpin> Body for Keeping<T> {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
