//! Request bodies with a minimum transfer rate.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::app::listener::monitor::{ConnectionMonitor, Timeouts};

/// The progress of one body. It is watched only once its reader had to wait for it: most small bodies come with
/// their heads and are never entered in the list.
#[derive(Debug, Default)]
pub(super) struct BodyProgress {
    bytes: AtomicU64,
    waits: AtomicBool,
    late: AtomicBool,
    /// Start of the window of observation, moved on while the gateway itself is the slow one.
    window_ms: AtomicU64,
    /// Bytes at the start of the window.
    window_bytes: AtomicU64,
    looked_ms: AtomicU64,
    waker: AtomicWaker,
}

impl BodyProgress {
    /// Decides whether the body is below the minimum rate.
    pub(super) fn check_progress(&self, now: u64, timeouts: &Timeouts) {
        let looked = self.looked_ms.swap(now, Ordering::Relaxed);
        let window = self.window_ms.load(Ordering::Relaxed);
        if !self.waits.load(Ordering::Relaxed) {
            self.window_ms.store(window + now.saturating_sub(looked.max(window)), Ordering::Relaxed);
            return;
        }
        let elapsed_ms = now.saturating_sub(window);
        if u128::from(elapsed_ms) < timeouts.body_window.as_millis() {
            return;
        }
        let bytes = self.bytes.load(Ordering::Relaxed);
        let came = bytes.saturating_sub(self.window_bytes.swap(bytes, Ordering::Relaxed));
        self.window_ms.store(now, Ordering::Relaxed);
        if u128::from(came) * 1_000 < u128::from(timeouts.body_rate_min) * u128::from(elapsed_ms) {
            self.late.store(true, Ordering::Release);
            self.waker.wake();
        }
    }
}

/// A request's body, given up with [`std::io::ErrorKind::TimedOut`] when it comes too slowly.
pub(super) struct RequestBody {
    inner: Incoming,
    monitor: Arc<ConnectionMonitor>,
    progress: Option<Arc<BodyProgress>>,
}

impl RequestBody {
    pub(super) fn new(inner: Incoming, monitor: Arc<ConnectionMonitor>) -> Self {
        Self { inner, monitor, progress: None }
    }

    /// Notes that the reader waits; `true` when it has waited in vain.
    fn note_wait(&mut self, context: &Context<'_>) -> bool {
        let progress = self.progress.get_or_insert_with(|| {
            let now = AtomicU64::new(self.monitor.now_ms());
            let looked = AtomicU64::new(self.monitor.now_ms());
            let progress = Arc::new(BodyProgress { window_ms: now, looked_ms: looked, ..BodyProgress::default() });
            self.monitor.add_body(&progress);
            progress
        });
        progress.waker.register(context.waker());
        progress.waits.store(true, Ordering::Relaxed);
        progress.late.load(Ordering::Acquire)
    }

    fn note_frame(&self, frame: &Frame<Bytes>) {
        if let Some(progress) = &self.progress {
            let length = frame.data_ref().map_or(0, Bytes::len);
            progress.bytes.fetch_add(u64::try_from(length).unwrap_or(u64::MAX), Ordering::Relaxed);
            progress.waits.store(false, Ordering::Relaxed);
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
            Poll::Ready(other) => Poll::Ready(other.map(|result| result.map_err(Into::into))),
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
