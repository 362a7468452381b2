//! The body of a request is lent to its handler. What the handler leaves unread is looked after here.
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

/// Where a lent body comes back to.
#[derive(Clone)]
pub struct Lender(Arc<Mutex<Loan>>);

enum Loan {
    Out,
    Back { body: Body, touched: bool },
    ReadToTheEnd,
}

/// Lends a body; `None` when it is empty and there is nothing to look after.
pub fn lend(body: Body) -> (Body, Option<Lender>) {
    if http_body::Body::is_end_stream(&body) {
        return (body, None);
    }
    let lender = Lender(Arc::new(Mutex::new(Loan::Out)));
    let lent = Lent { body: Some(body), touched: false, lender: lender.clone() };
    (Body::new(lent), Some(lender))
}

impl Lender {
    /// Reads what a refused request still sends, within bounds. True when the connection is of no further use.
    /// `expects_continue` says that the client waits for a `100 Continue`, which must not be sent now.
    pub async fn settle(self, expects_continue: bool) -> bool {
        let loan = std::mem::replace(&mut *self.lock(), Loan::Out);
        match loan {
            Loan::ReadToTheEnd => false,
            Loan::Back { touched: false, .. } if expects_continue => true,
            Loan::Back { body, .. } => tokio::time::timeout(DRAIN_TIME_MAX, drain(body)).await != Ok(true),
            Loan::Out => true,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Loan> {
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

struct Lent {
    body: Option<Body>,
    touched: bool,
    lender: Lender,
}

impl http_body::Body for Lent {
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
            *self.lender.lock() = Loan::ReadToTheEnd;
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

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            let ended = http_body::Body::is_end_stream(&body);
            let loan = if ended { Loan::ReadToTheEnd } else { Loan::Back { body, touched: self.touched } };
            *self.lender.lock() = loan;
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
        let (lent, lender) = lend(body(4, 1_000));
        drop(lent);
        assert!(!lender.unwrap().settle(false).await);
    }

    #[tokio::test]
    async fn a_large_rest_costs_the_connection() {
        let (lent, lender) = lend(body(40, 100_000));
        drop(lent);
        assert!(lender.unwrap().settle(false).await);
    }

    #[tokio::test]
    async fn a_client_that_waits_for_100_is_not_told_to_go_on() {
        let (lent, lender) = lend(body(1, 10));
        drop(lent);
        assert!(lender.unwrap().settle(true).await);
    }

    #[tokio::test]
    async fn a_body_that_was_read_needs_nothing() {
        let (lent, lender) = lend(body(3, 10));
        lent.collect().await.unwrap();
        assert!(!lender.unwrap().settle(true).await);
        assert!(lend(Body::empty()).1.is_none());
    }
}
