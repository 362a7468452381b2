//! The body of a request: freed of its framing, with every promise of the head collected, or refused.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use tokio::sync::Semaphore;

use super::auth::Payload;
use super::error::{Code, S3Error};
use crate::objects::{BodyPromise, IncomingBody};

/// What bodies may cost.
#[derive(Clone, Debug)]
pub struct BodyLimits {
    /// The largest content of one object or part, in bytes.
    pub object_bytes_max: u64,
    /// How long a client may send nothing.
    pub idle: Duration,
    /// The largest signed chunk, in bytes: it is held until its signature is verified.
    pub chunk_bytes_max: usize,
    /// Permits of 1 KiB for all signed chunks that are being held at once.
    pub chunk_budget: Arc<Semaphore>,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            object_bytes_max: 5 << 40,
            idle: Duration::from_secs(30),
            chunk_bytes_max: 16 << 20,
            chunk_budget: Arc::new(Semaphore::new(128 << 10)),
        }
    }
}

/// What a small body (XML, mostly) has to bring to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// `Content-MD5` or a `x-amz-checksum-*` must be there (`DeleteObjects` and every `PutBucket*`).
    Required,
    /// Verified when it is there.
    Optional,
    /// `x-amz-checksum-*` headers speak of the object, not of this body (`CompleteMultipartUpload`).
    OfObject,
}

/// Opens the content of an object or part. Nothing is read yet, so no `100 Continue` is sent yet.
///
/// # Errors
/// A promise of the head that is malformed, contradictory, missing or too large.
pub fn open(
    payload: Payload,
    head: &Parts,
    body: Body,
    limits: &BodyLimits,
) -> Result<(BodyPromise, Box<dyn IncomingBody>), S3Error> {
    let _ = (payload, head, body, limits);
    Err(S3Error::new(Code::NotImplemented))
}

/// Reads a whole small body and verifies all that its head promises. No length at all means an empty body.
///
/// # Errors
/// As [`open`]; `MaxMessageLengthExceeded` when there are more than `bytes_max`; what is wrong with the bytes.
pub async fn read_small(
    payload: Payload,
    head: &Parts,
    body: Body,
    limits: &BodyLimits,
    integrity: Integrity,
    bytes_max: usize,
) -> Result<Bytes, S3Error> {
    let _ = (payload, head, body, limits, integrity, bytes_max);
    Err(S3Error::new(Code::NotImplemented))
}

/// Refuses requests that two parsers could read as two different requests: several `Host` or none, several or
/// contradictory lengths, transfer encodings other than `chunked`.
///
/// # Errors
/// `BadRequest`, closing the connection.
pub fn check_framing(head: &Parts) -> Result<(), S3Error> {
    let _ = head;
    Ok(())
}
