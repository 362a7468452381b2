//! GET: the bytes of a version, verified before they leave.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream, StreamExt as _};
use tokio::time::Instant;

use crate::domain::{ChecksumAlgorithm, Peer, UserId, Version};
use crate::objects::Objects;
use crate::objects::budget::Reservation;
use crate::objects::encryption::content::Decipher;
use crate::objects::encryption::encryption_key::Opener;
use crate::objects::error::ObjectsError;
use crate::objects::read::read_memory::{Reads, ResponseMemory};
use crate::objects::read::read_steps::{ReadSteps, step_bytes};
use crate::objects::read::revocation::Revocation;
use crate::objects::state::Inner;
use crate::objects::write::body::IncomingBody;
use crate::objects::write::body_error::BodyError;

/// Steps under way at once: one is being sent while the next is being read.
const STEPS_AHEAD: usize = 2;

/// Reads of so few bytes are handed over at once, and are no longer counted once they are: the system's buffers hold them.
const WHOLE_BYTES_MAX: u64 = 64 << 10;

/// The bytes of a version. An `Err` item means that the rest cannot be had: the connection must be cut.
pub struct ObjectReader(Reader);

enum Reader {
    /// All of it is here.
    Whole { ready: std::vec::IntoIter<Bytes>, _reservation: Reservation },
    /// It is read as it is taken.
    Streamed(Streamed),
}

/// A stream of steps. What was read and is not taken may be given up; then it is read again from where the client is.
struct Streamed {
    steps: Arc<ReadSteps>,
    memory: Arc<ResponseMemory>,
    /// Where in the version the client is.
    at: u64,
    reopening: Option<BoxFuture<'static, Result<(Reservation, Reads), ObjectsError>>>,
}

impl ObjectReader {
    /// How its connection is ended when others wait for the memory that it holds; `None` for what is too small to matter.
    #[must_use]
    pub fn revocation(&self) -> Option<Revocation> {
        match &self.0 {
            Reader::Whole { .. } => None,
            Reader::Streamed(streamed) => Some(streamed.memory.revocation().clone()),
        }
    }
}

impl Stream for ObjectReader {
    type Item = Result<Bytes, ObjectsError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Reader::Whole { ready, .. } => Poll::Ready(ready.next().map(Ok)),
            Reader::Streamed(streamed) => streamed.poll_next(context),
        }
    }
}

impl Streamed {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, ObjectsError>>> {
        loop {
            if let Some(reopening) = &mut self.reopening {
                let reopened = ready!(reopening.poll_unpin(context));
                self.reopening = None;
                let mut buffer = self.memory.lock();
                buffer.given_up = false;
                match reopened {
                    Ok((reservation, rest)) => (buffer.reservation, buffer.rest) = (Some(reservation), Some(rest)),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            }
            let mut buffer = self.memory.lock();
            buffer.taken_at = Instant::now();
            if let Some(bytes) = self.memory.hand_over(&mut buffer) {
                self.at += bytes.len() as u64;
                return Poll::Ready(Some(Ok(bytes)));
            }
            if buffer.given_up {
                // What it still holds must not keep it waiting for what it needs.
                buffer.reservation = None;
                self.reopening = Some(reopen(Arc::clone(&self.steps), self.at).boxed());
                continue;
            }
            let Some(rest) = &mut buffer.rest else { return Poll::Ready(None) };
            let polled = rest.poll_next_unpin(context);
            buffer.awaited = polled.is_pending();
            match ready!(polled) {
                Some(Ok(step)) => buffer.ready = step.into(),
                Some(Err(error)) => {
                    buffer.rest = None;
                    return Poll::Ready(Some(Err(error)));
                }
                None => buffer.rest = None,
            }
        }
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        self.memory.abandon();
    }
}

async fn reopen(steps: Arc<ReadSteps>, at: u64) -> Result<(Reservation, Reads), ObjectsError> {
    let (reservation, ahead) = steps.inner.reserve_steps(steps.peer).await?;
    Ok((reservation, steps.stream(at, ahead)))
}

/// What is read of one version is written as another.
#[async_trait]
impl IncomingBody for ObjectReader {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        futures::StreamExt::next(self).await.transpose().map_err(|error| BodyError::Source(error.to_string()))
    }

    fn trailing_checksum(&mut self) -> Option<(ChecksumAlgorithm, Vec<u8>)> {
        None
    }
}

impl Objects {
    /// Reads a range of a version. The first bytes have been fetched and verified when this returns.
    ///
    /// # Errors
    /// `Unavailable` when fewer than k slivers of a blob can be read.
    pub async fn read(&self, version: Arc<Version>, range: Range<u64>) -> Result<ObjectReader, ObjectsError> {
        // Nobody's account: no key that is for some is for it.
        self.read_with(version, range, &Opener { account: UserId(0), customer: None, peer: None }).await
    }

    /// The same for a version that may be encrypted with the client's key.
    ///
    /// # Errors
    /// As [`read`](Self::read), and what [`resolve_key`](Self::resolve_key) says.
    pub async fn read_with(
        &self,
        version: Arc<Version>,
        range: Range<u64>,
        opener: &Opener,
    ) -> Result<ObjectReader, ObjectsError> {
        let encryption = version.attributes.encryption.as_ref();
        let decipher = match (encryption, self.resolve_key(encryption, opener).await?) {
            (Some(encryption), Some(key)) => Some(Decipher::new(encryption, &key, &range)?),
            _ => None,
        };
        let steps = ReadSteps { inner: Arc::clone(&self.inner), version, range, decipher, peer: opener.peer };
        let bytes = steps.range.end.saturating_sub(steps.range.start);
        if bytes <= step_bytes(&self.inner) {
            let reservation = self.inner.read_memory.take(bytes, opener.peer).await?;
            if let Some(content) = steps.read_in_one().await.transpose()? {
                if bytes <= WHOLE_BYTES_MAX {
                    let ready = content.into_iter();
                    return Ok(ObjectReader(Reader::Whole { ready, _reservation: reservation }));
                }
                return Ok(self.streamed(steps, content, None, reservation));
            }
        }
        let (reservation, ahead) = self.inner.reserve_steps(opener.peer).await?;
        let steps = Arc::new(steps);
        let mut rest = Arc::clone(&steps).stream(steps.range.start, ahead);
        let ready = rest.next().await.transpose()?.unwrap_or_default();
        Ok(self.streamed(steps, ready, Some(rest), reservation))
    }

    fn streamed(
        &self,
        steps: impl Into<Arc<ReadSteps>>,
        ready: Vec<Bytes>,
        rest: Option<Reads>,
        reservation: Reservation,
    ) -> ObjectReader {
        let steps = steps.into();
        let memory = self.inner.read_memory.register(ready, rest, reservation);
        let at = steps.range.start;
        ObjectReader(Reader::Streamed(Streamed { steps, memory, at, reopening: None }))
    }
}

impl Inner {
    /// Memory for a stream of steps, and how many of them may be under way: fewer when memory is short.
    async fn reserve_steps(&self, peer: Option<Peer>) -> Result<(Reservation, usize), ObjectsError> {
        let step = step_bytes(self);
        match self.read_memory.try_take(step * STEPS_AHEAD as u64) {
            Some(reservation) => Ok((reservation, STEPS_AHEAD)),
            None => Ok((self.read_memory.take(step, peer).await?, 1)),
        }
    }
}
