//! Request bodies with a minimum transfer rate.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::app::listener::body_progress::BodyProgress;
use crate::app::listener::connection_progress::ConnectionProgress;
use crate::app::listener::monitor::ConnectionMonitor;

/// A request's body, given up with [`std::io::ErrorKind::TimedOut`] when it comes too slowly.
pub(super) struct RequestBody {
    inner: Incoming,
    /// Nothing more comes: it ended, or broke off.
    ended: bool,
    connection: Arc<ConnectionProgress>,
    monitor: Arc<ConnectionMonitor>,
    progress: Option<Arc<BodyProgress>>,
}

impl RequestBody {
    pub(super) fn new(inner: Incoming, connection: Arc<ConnectionProgress>, monitor: Arc<ConnectionMonitor>) -> Self {
        connection.body_began();
        Self { inner, ended: false, connection, monitor, progress: None }
    }

    /// Notes that the reader waits; `true` when it has waited in vain.
    fn note_wait(&mut self, context: &Context<'_>) -> bool {
        self.progress.get_or_insert_with(|| self.monitor.begin_body()).note_wait(context)
    }

    fn note_frame(&self, frame: &Frame<Bytes>) {
        if let Some(progress) = &self.progress {
            progress.note_bytes(frame.data_ref().map_or(0, Bytes::len));
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl Body for RequestBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.note_frame(&frame);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(other) => {
                self.ended = true;
                if other.is_none() {
                    self.connection.body_ended();
                }
                Poll::Ready(other.map(|result| result.map_err(Into::into)))
            }
            Poll::Pending if self.note_wait(context) => {
                let slow = std::io::Error::new(
                    std::io::ErrorKind::TimedOut,
                    "the request body was below the minimum transfer rate",
                );
                Poll::Ready(Some(Err(slow.into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if self.inner.is_end_stream() {
            self.connection.body_ended();
        } else {
            self.connection.body_left();
        }
    }
}
