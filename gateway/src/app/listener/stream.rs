//! The byte stream of a connection, which records its progress, and lingers when it is closed on a client that still sends.
//!
//! A socket that is closed with bytes unread resets the connection, and the client that was refused in the middle of an upload
//! sees a broken pipe in place of the reason. So the writing side is closed first, and what still comes is thrown away until
//! the client closes too, or one of the bounds is met: here that of bytes, in `timeouts.rs` those of time.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::app::listener::connection_progress::ConnectionProgress;
use crate::app::listener::lingering::LingerPlace;

/// The most that a connection that lingers reads and throws away, in bytes: eight times what boto3 sends as one part by default. Who sends
/// without end is not listened to for longer.
const LINGER_BYTES_MAX: u64 = 64 << 20;

/// A monitored plain or TLS stream.
pub(super) struct MonitoredStream<S> {
    inner: S,
    connection: Arc<ConnectionProgress>,
    closing: Closing,
}

/// How far the end of a stream is.
enum Closing {
    /// Both sides are open.
    Open,
    /// The writing side is closed; so many bytes more may come.
    Lingering { left: u64, _place: LingerPlace },
    /// It can be dropped.
    Closed,
}

impl<S> MonitoredStream<S> {
    pub(super) fn new(inner: S, connection: Arc<ConnectionProgress>) -> Self {
        Self { inner, connection, closing: Closing::Open }
    }

    /// The stream itself again.
    pub(super) fn into_inner(self) -> S {
        self.inner
    }

    /// Reads and throws away what still comes; ready when nothing does, or too much.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()>
    where
        S: AsyncRead + Unpin,
    {
        let mut space = [MaybeUninit::<u8>::uninit(); 16 << 10];
        while let Closing::Lingering { left, .. } = &mut self.closing {
            let mut buffer = ReadBuf::uninit(&mut space);
            let read = ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer));
            let bytes = buffer.filled().len() as u64;
            if read.is_err() || bytes == 0 || bytes > *left {
                self.closing = Closing::Closed;
            } else {
                *left -= bytes;
                self.connection.discarded();
            }
        }
        Poll::Ready(())
    }

    fn mark(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(_))) {
            self.connection.sent();
        }
        written
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: AsyncRead + Unpin> AsyncRead for MonitoredStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.connection.received();
        }
        polled
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for MonitoredStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.mark(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.mark(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.connection.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.closing, Closing::Open) {
            // With TLS this sends close_notify, then closes the writing side of the socket.
            ready!(Pin::new(&mut self.inner).poll_shutdown(context))?;
            self.closing = match self.connection.begin_linger() {
                Some(place) => Closing::Lingering { left: LINGER_BYTES_MAX, _place: place },
                None => Closing::Closed,
            };
        }
        self.poll_discard(context).map(Ok)
    }
}
