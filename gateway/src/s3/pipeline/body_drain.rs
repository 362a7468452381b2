//! Drains the rest of a request body that the handler did not read.
//!
//! A client that is refused early may still be sending. If the connection is closed on it at once, it may never see why it
//! was refused; so a small rest is read and thrown away, and a large one makes the reply say `Connection: close`.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;

/// The most that is read and thrown away, in bytes.
const DRAIN_BYTES_MAX: u64 = 1 << 20;

/// The longest that is read and thrown away.
const DRAIN_TIME_MAX: Duration = Duration::from_millis(200);

/// Receives the body back when the handler drops it.
#[derive(Clone)]
pub struct BodyDrain(Arc<Mutex<BodyState>>);

enum BodyState {
    InUse,
    Returned { body: Body, touched: bool },
    FullyRead,
}

/// Tracks a body; `None` when it is empty and needs no draining.
pub fn track(body: Body) -> (Body, Option<BodyDrain>) {
    if http_body::Body::is_end_stream(&body) {
        return (body, None);
    }
    let body_drain = BodyDrain(Arc::new(Mutex::new(BodyState::InUse)));
    let tracked = TrackedBody { body: Some(body), touched: false, body_drain: body_drain.clone() };
    (Body::new(tracked), Some(body_drain))
}

impl BodyDrain {
    /// Reads what a refused request still sends, within bounds. True when the connection is of no further use.
    /// `expects_continue` says that the client waits for a `100 Continue`, which must not be sent now.
    pub async fn drain_rest(self, expects_continue: bool) -> bool {
        let body_state = std::mem::replace(&mut *self.lock(), BodyState::InUse);
        match body_state {
            BodyState::FullyRead => false,
            BodyState::Returned { touched: false, .. } if expects_continue => true,
            BodyState::Returned { body, .. } => tokio::time::timeout(DRAIN_TIME_MAX, drain(body)).await != Ok(true),
            BodyState::InUse => true,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BodyState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the end came within the bound.
async fn drain(mut body: Body) -> bool {
    let mut read = 0_u64;
    while read <= DRAIN_BYTES_MAX {
        match body.frame().await {
            None => return true,
            Some(Err(_)) => return false,
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, |data| data.len() as u64),
        }
    }
    false
}

struct TrackedBody {
    body: Option<Body>,
    touched: bool,
    body_drain: BodyDrain,
}

#[deny(clippy::missing_trait_methods)]
impl http_body::Body for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.touched = true;
        let Some(body) = self.body.as_mut() else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None)) {
            self.body = None;
            *self.body_drain.lock() = BodyState::FullyRead;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(http_body::Body::size_hint).unwrap_or_default()
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            let ended = http_body::Body::is_end_stream(&body);
            let body_state =
                if ended { BodyState::FullyRead } else { BodyState::Returned { body, touched: self.touched } };
            *self.body_drain.lock() = body_state;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    fn body(frames: usize, bytes: usize) -> Body {
        let frame = move |_| Ok::<_, std::io::Error>(Bytes::from(vec![0; bytes]));
        Body::from_stream(stream::iter((0..frames).map(frame)))
    }

    #[tokio::test]
    async fn a_small_rest_is_drained_and_the_connection_kept() {
        let (tracked, body_drain) = track(body(4, 1_000));
        drop(tracked);
        assert!(!body_drain.unwrap().drain_rest(false).await);
    }

    #[tokio::test]
    async fn a_large_rest_costs_the_connection() {
        let (tracked, body_drain) = track(body(40, 100_000));
        drop(tracked);
        assert!(body_drain.unwrap().drain_rest(false).await);
    }

    #[tokio::test]
    async fn a_client_that_waits_for_100_is_not_told_to_go_on() {
        let (tracked, body_drain) = track(body(1, 10));
        drop(tracked);
        assert!(body_drain.unwrap().drain_rest(true).await);
    }

    #[tokio::test]
    async fn a_body_that_was_read_needs_nothing() {
        let (tracked, body_drain) = track(body(3, 10));
        tracked.collect().await.unwrap();
        assert!(!body_drain.unwrap().drain_rest(true).await);
        assert!(track(Body::empty()).1.is_none());
    }
}
