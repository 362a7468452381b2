//! Small bodies (XML, mostly): read whole, verified whole.

use std::ops::Deref;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, header};

use crate::domain::ChecksumAlgorithm;
use crate::objects::{BodyError, Digests, Growing, ObjectsError};
use crate::s3::auth::Payload;
use crate::s3::body::{BodyLimits, open};
use crate::s3::error::{Code, S3Error};

/// Which integrity headers a small body needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// `Content-MD5` or a `x-amz-checksum-*` must be there: Amazon asks for it where a document damaged on its way could
    /// lose objects or grant access.
    Required,
    /// Verified when it is there. Clients that speak to Amazon without an SDK (s3cmd, fog) send none where it asks for none.
    Optional,
    /// `x-amz-checksum-*` headers speak of the object, not of this body (`CompleteMultipartUpload`).
    OfObject,
}

/// Bytes that each byte of a body is taken to hold: buffers grow by doubling, and text is copied out of them.
const BYTES_PER_BYTE: u64 = 3;

/// Bytes that each `<` of a document is taken to hold: an element of the tree it is parsed into has two.
const BYTES_PER_TAG: u64 = 100;

/// A small body. While it lives, the memory for it and for what it is parsed into is taken from the budget of documents.
#[derive(Debug)]
pub struct SmallBody {
    bytes: Bytes,
    _memory: Growing,
}

impl Deref for SmallBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a whole small body and verifies all that its head promises. No length at all means an empty body.
///
/// # Errors
/// As [`open`]; `MaxMessageLengthExceeded` when there are more than `bytes_max`; what is wrong with the bytes; `SlowDown`
/// when there is no memory for them.
pub async fn read_small(
    payload: Payload,
    head: &Parts,
    body: Body,
    limits: &BodyLimits,
    integrity: Integrity,
    bytes_max: usize,
) -> Result<SmallBody, S3Error> {
    let head = about_the_body(head, integrity);
    let small = BodyLimits { object_bytes_max: bytes_max as u64, ..limits.clone() };
    let too_big = |error: S3Error| match error.code {
        Code::EntityTooLarge => S3Error::new(Code::MaxMessageLengthExceeded).closing(),
        _ => error,
    };
    let (promise, mut incoming) = open(payload, &head, body, &small).map_err(too_big)?;
    if integrity == Integrity::Required
        && promise.md5.is_none()
        && promise.checksum.is_none()
        && !promise.trailer_required
    {
        return Err(S3Error::with(Code::InvalidRequest, "Missing required header for this request: Content-MD5"));
    }
    let mut content = BytesMut::new();
    let mut memory = limits.documents.of(incoming.peer()).growing();
    loop {
        let next = tokio::select! {
            biased;
            next = incoming.next() => next,
            () = memory.wanted_back(content.len() as u64) => Err(BodyError::TooSlow),
        };
        let Some(bytes) = next.map_err(|error| too_big(error.into()))? else { break };
        // Before they are held; and as they come, because what is only announced holds nothing.
        memory.reach((content.len() + bytes.len()) as u64 * BYTES_PER_BYTE).await.map_err(closing)?;
        content.extend_from_slice(&bytes);
    }
    let tags = content.iter().filter(|byte| **byte == b'<').count() as u64;
    memory.reach(content.len() as u64 * BYTES_PER_BYTE + tags * BYTES_PER_TAG).await?;
    let mut digests = Digests::new(&promise);
    digests.update(&content);
    digests.finish(&promise, incoming.trailing_checksum())?;
    Ok(SmallBody { bytes: content.freeze(), _memory: memory })
}

/// No memory for the rest of a body.
fn closing(error: ObjectsError) -> S3Error {
    S3Error::from(error).closing()
}

/// The head, without what does not speak of this body.
fn about_the_body(head: &Parts, integrity: Integrity) -> Parts {
    let mut head = head.clone();
    if integrity == Integrity::OfObject {
        for algorithm in ChecksumAlgorithm::ALL {
            head.headers.remove(algorithm.header());
        }
    }
    // Some clients send `POST ?uploads` with no length at all.
    let framed = |headers: &HeaderMap| {
        headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING)
    };
    if !framed(&head.headers) {
        head.headers.insert(header::CONTENT_LENGTH, http::HeaderValue::from_static("0"));
    }
    head
}
