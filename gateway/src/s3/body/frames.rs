//! The bytes of a request's body as they arrive, and the plain body that is nothing else.

use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http_body_util::BodyExt;

use crate::domain::{ChecksumAlgorithm, Peer};
use crate::objects::{BodyError, IncomingBody};
use crate::s3::pipeline::connection_info::ConnectionInfo;

/// Frames from the connection.
#[derive(Debug)]
pub(in crate::s3) struct Frames {
    body: Body,
    idle: Duration,
    peer: Option<Peer>,
}

impl Frames {
    /// The frames of the body of a request with this head, whose sender may pause for `idle`.
    pub(in crate::s3) fn new(head: &Parts, body: Body, idle: Duration) -> Self {
        Self { body, idle, peer: ConnectionInfo::of(head).sharing_peer() }
    }

    /// Whose share of the memory for bodies they wait in.
    pub(in crate::s3) fn peer(&self) -> Option<Peer> {
        self.peer
    }

    /// The next bytes, never empty.
    pub(in crate::s3) async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            let frame = tokio::time::timeout(self.idle, self.body.frame()).await.map_err(|_| BodyError::TooSlow)?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| why(&error))?;
            match frame.into_data() {
                Ok(bytes) if !bytes.is_empty() => return Ok(Some(bytes)),
                // HTTP trailers carry nothing for us.
                _ => {}
            }
        }
    }
}

/// The connection broke, or HTTP's own framing did: either way the client did not send what it announced. Unless the listener
/// timed out a client that sends only a few bytes now and then.
fn why(error: &(dyn std::error::Error + 'static)) -> BodyError {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let timed_out = |io: &std::io::Error| io.kind() == std::io::ErrorKind::TimedOut;
    if causes.filter_map(|error| error.downcast_ref()).any(timed_out) {
        BodyError::TooSlow
    } else {
        BodyError::Incomplete
    }
}

/// A body without framing of its own.
#[derive(Debug)]
pub(super) struct PlainBody {
    frames: Frames,
    /// Bytes still to come, when the head says how many.
    left: Option<u64>,
    /// Bytes that may still come.
    remaining: u64,
}

impl PlainBody {
    /// A body of exactly `length` bytes, or of at most `max` when that is unknown.
    pub(super) fn new(frames: Frames, length: Option<u64>, max: u64) -> Self {
        Self { frames, left: length, remaining: length.unwrap_or(max) }
    }
}

#[async_trait]
impl IncomingBody for PlainBody {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        let Some(bytes) = self.frames.next().await? else {
            return if self.left.unwrap_or(0) == 0 { Ok(None) } else { Err(BodyError::Incomplete) };
        };
        let taken = bytes.len() as u64;
        self.remaining = self.remaining.checked_sub(taken).ok_or(BodyError::TooLarge)?;
        self.left = self.left.map(|left| left - taken);
        Ok(Some(bytes))
    }

    fn trailing_checksum(&mut self) -> Option<(ChecksumAlgorithm, Vec<u8>)> {
        None
    }

    fn peer(&self) -> Option<Peer> {
        self.frames.peer()
    }
}
