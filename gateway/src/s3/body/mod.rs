//! The body of a request: freed of its framing, with every promise of the head collected, or refused.
//!
//! The framing of a body follows from the signature ([`Payload`]), never from `Content-Encoding`: some clients send
//! signed chunks without that header.

mod chunk_budget;
mod chunked;
mod frames;
mod framing;
mod integrity;
mod small;
#[cfg(test)]
mod tests;
mod trailer;
mod unverified;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::HeaderMap;
use http::request::Parts;

pub use chunk_budget::ChunkBudget;
pub(super) use frames::Frames;
pub(super) use integrity::content_length;
pub use integrity::{HEADERS_MAX, check_framing};
pub use small::{Integrity, SmallBody, read_small};
pub use unverified::UnverifiedBodies;

use crate::objects::{BodyPromise, ByteBudget, IncomingBody};
use crate::s3::auth::Payload;
use crate::s3::body::chunked::{Chunked, ChunkedBody};
use crate::s3::body::frames::PlainBody;
use crate::s3::body::integrity::Checksums;
use crate::s3::error::{Code, S3Error};

/// Limits of request bodies.
#[derive(Clone, Debug)]
pub struct BodyLimits {
    /// The largest content of one object or part, in bytes.
    pub object_bytes_max: u64,
    /// How long a client may send nothing.
    pub idle: Duration,
    /// The largest signed chunk, in bytes: it is held until its signature is verified.
    pub chunk_bytes_max: usize,
    /// What all signed chunks that are being held take together; at least one largest chunk's worth.
    pub chunk_budget: ChunkBudget,
    /// What small bodies hold while they are received and parsed, all together.
    pub documents: ByteBudget,
    /// Places for bodies that are read before their signature can be verified.
    pub unverified: Arc<UnverifiedBodies>,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            object_bytes_max: 5 << 40,
            idle: Duration::from_secs(30),
            chunk_bytes_max: 16 << 20,
            chunk_budget: ChunkBudget::new(128 << 20),
            documents: ByteBudget::new(32 << 20),
            unverified: Arc::default(),
        }
    }
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
    let checksums = Checksums::of(&head.headers)?;
    let md5 = integrity::content_md5(&head.headers)?;
    let frames = Frames::new(head, body, limits.idle);
    let (signer, sha256, trailer) = match payload {
        Payload::Unsigned => {
            return plain(head, frames, limits, checksums, BodyPromise { md5, ..BodyPromise::default() });
        }
        Payload::Digest(sha256) => {
            let promise = BodyPromise { md5, sha256: Some(sha256), ..BodyPromise::default() };
            return plain(head, frames, limits, checksums, promise);
        }
        Payload::UnsignedTrailer => (None, None, true),
        Payload::SignedChunks { context, trailer } => (Some(context), None, trailer),
    };
    if checksums.announced.is_some() && !trailer {
        return Err(no_trailer_possible());
    }
    let length = integrity::decoded_length(&head.headers)?;
    check_size(length, limits)?;
    let promise = BodyPromise {
        length: Some(length),
        md5,
        sha256,
        // A value in the head makes the trailer optional: one SDK announces a trailer that it never sends.
        trailer_required: checksums.announced.is_some() && checksums.value.is_none(),
        checksum: checksums.value,
        algorithm: checksums.algorithm,
        kept: None,
    };
    let rules = Chunked {
        length,
        signer,
        announced: checksums.announced,
        trailer_required: promise.trailer_required,
        chunk_bytes_max: limits.chunk_bytes_max,
        budget: limits.chunk_budget.of(frames.peer()),
    };
    Ok((promise, Box::new(ChunkedBody::new(frames, rules))))
}

/// The length of the content that a request announces, read where [`open`] reads it.
pub(super) fn announced_length(payload: &Payload, headers: &HeaderMap) -> Option<u64> {
    match payload {
        Payload::Unsigned | Payload::Digest(_) => content_length(headers).ok().flatten(),
        Payload::UnsignedTrailer | Payload::SignedChunks { .. } => integrity::decoded_length(headers).ok(),
    }
}

fn plain(
    head: &Parts,
    frames: Frames,
    limits: &BodyLimits,
    checksums: Checksums,
    promise: BodyPromise,
) -> Result<(BodyPromise, Box<dyn IncomingBody>), S3Error> {
    if checksums.announced.is_some() && checksums.value.is_none() {
        return Err(no_trailer_possible());
    }
    let length = integrity::plain_length(head)?;
    check_size(length.unwrap_or(0), limits)?;
    let promise = BodyPromise { length, checksum: checksums.value, algorithm: checksums.algorithm, ..promise };
    Ok((promise, Box::new(PlainBody::new(frames, length, limits.object_bytes_max))))
}

fn no_trailer_possible() -> S3Error {
    S3Error::with(
        Code::InvalidRequest,
        "x-amz-trailer announces a trailer, but x-amz-content-sha256 does not say that the body has one",
    )
}

fn check_size(length: u64, limits: &BodyLimits) -> Result<(), S3Error> {
    if length <= limits.object_bytes_max {
        return Ok(());
    }
    Err(S3Error::new(Code::EntityTooLarge)
        .field("ProposedSize", length.to_string())
        .field("MaxSizeAllowed", limits.object_bytes_max.to_string())
        .closing())
}

/// What the fields of a form, as headers, promise about its file.
pub(super) fn promise_of_form(headers: &HeaderMap) -> Result<BodyPromise, S3Error> {
    let checksums = Checksums::of(headers)?;
    let md5 = integrity::content_md5(headers)?;
    Ok(BodyPromise { md5, checksum: checksums.value, algorithm: checksums.algorithm, ..BodyPromise::default() })
}
