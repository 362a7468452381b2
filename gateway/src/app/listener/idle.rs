//! What a connection keeps between two requests: its stream and nothing else.

use std::task::Poll;

use futures::FutureExt as _;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::app::listener::connection_progress::{ConnectionProgress, Order};

/// A stream over a socket, which tells that something comes before the stream is read.
pub(super) trait OverSocket: AsyncRead + AsyncWrite + Unpin {
    /// The socket.
    fn socket(&self) -> &TcpStream;

    /// Whether bytes have left the socket that nobody has read from the stream.
    fn holds_bytes(&mut self) -> bool;
}

impl OverSocket for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }

    fn holds_bytes(&mut self) -> bool {
        false
    }
}

impl OverSocket for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }

    fn holds_bytes(&mut self) -> bool {
        // Nothing new is read by this; a session that is in error is for its next reader to tell.
        let state = self.get_mut().1.process_new_packets();
        state.map_or(true, |state| state.plaintext_bytes_to_read() > 0)
    }
}

/// Waits for the first byte of a connection, or of its next request; `false` when none comes. With TLS that may be a byte of the
/// protocol's own, after which there is still no request.
pub(super) async fn wait_for_bytes<S: OverSocket>(stream: &mut S, progress: &ConnectionProgress) -> bool {
    if stream.holds_bytes() {
        return true;
    }
    let mut byte = [0; 1];
    std::future::poll_fn(|context| match progress.poll_order(context) {
        Poll::Ready(Order::Finish | Order::Cut) => Poll::Ready(false),
        // A new socket may be reported readable when it is not: only a peek is certain.
        Poll::Ready(Order::Rest) | Poll::Pending => {
            stream.socket().poll_peek(context, &mut ReadBuf::new(&mut byte)).map(|seen| matches!(seen, Ok(1..)))
        }
    })
    .await
}

/// Closes an idle stream, with TLS's own word for it, which is not waited for: nothing else is on its way to the client.
pub(super) fn close<S: OverSocket>(mut stream: S) {
    let _ = stream.shutdown().now_or_never();
}
