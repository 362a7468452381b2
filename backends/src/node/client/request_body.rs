//! Bodies of requests: pieces that are there, or pieces that come; both may wait until the node asks for them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt as _, Stream as _, StreamExt as _};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{Notify, mpsc};

/// A body.
pub(super) struct RequestBody {
    pieces: BoxStream<'static, Bytes>,
    len: Option<u64>,
}

impl RequestBody {
    /// These pieces, at once or after `asked`.
    pub(super) fn whole(pieces: Vec<Bytes>, asked: Option<Arc<Notify>>) -> Self {
        let len = pieces.iter().map(|piece| piece.len() as u64).sum();
        let pieces = futures::stream::iter(pieces.into_iter().filter(|piece| !piece.is_empty()));
        let pieces = match asked {
            None => pieces.boxed(),
            Some(asked) => async move { asked.notified().await }.map(|()| pieces).flatten_stream().boxed(),
        };
        Self { pieces, len: Some(len) }
    }

    /// Whatever comes through a channel.
    pub(super) fn streamed(mut pieces: mpsc::Receiver<Bytes>) -> Self {
        let pieces = futures::stream::poll_fn(move |cx| pieces.poll_recv(cx));
        Self { pieces: pieces.boxed(), len: None }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.pieces).poll_next(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.len == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.len.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
