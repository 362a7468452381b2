//! Response bodies that end their request when they end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body as AxumBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::app::listener::connection_progress::ConnectionProgress;
use crate::app::listener::monitor::AdmissionPermit;

/// A request under way on a connection, from its head to the last byte of its response.
pub(super) struct UnderWay {
    connection: Arc<ConnectionProgress>,
    /// Its admission permit, unless the request was rejected at the limit.
    _permit: Option<AdmissionPermit>,
}

impl UnderWay {
    pub(super) fn begin(connection: Arc<ConnectionProgress>, permit: Option<AdmissionPermit>) -> Self {
        connection.request_began();
        Self { connection, _permit: permit }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.connection.request_ended();
    }
}

/// A response's body. Its end, or its being dropped, ends the request.
pub(super) struct Reply {
    inner: AxumBody,
    request: UnderWay,
}

impl Reply {
    pub(super) fn new(inner: AxumBody, request: UnderWay) -> Self {
        Self { inner, request }
    }
}

#[deny(clippy::missing_trait_methods)]
impl Body for Reply {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.request.connection.reply_asked();
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if matches!(polled, Poll::Ready(Some(Ok(_)))) {
            self.request.connection.reply_handed_over();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
