//! Small bodies (XML, mostly): read whole, verified whole.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, header};

use super::{BodyLimits, open};
use crate::domain::ChecksumAlgorithm;
use crate::objects::Digests;
use crate::s3::auth::Payload;
use crate::s3::error::{Code, S3Error};

/// What a small body has to bring to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// `Content-MD5` or a `x-amz-checksum-*` must be there: Amazon asks for it where a document damaged on its way could
    /// cost objects or let somebody in.
    Required,
    /// Verified when it is there. Clients that speak to Amazon without an SDK (s3cmd, fog) send none where it asks for none.
    Optional,
    /// `x-amz-checksum-*` headers speak of the object, not of this body (`CompleteMultipartUpload`).
    OfObject,
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
    while let Some(bytes) = incoming.next().await.map_err(|error| too_big(error.into()))? {
        content.extend_from_slice(&bytes);
    }
    let mut digests = Digests::new(&promise);
    digests.update(&content);
    digests.finish(&promise, incoming.trailing_checksum())?;
    Ok(content.freeze())
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
