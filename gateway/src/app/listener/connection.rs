//! One connection: TLS if asked for, then HTTP/1.1 or, where the client chose it, HTTP/2.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use rustls::ProtocolVersion;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::app::listener::connection_progress::{ConnectionProgress, Kind, Order};
use crate::app::listener::idle::{OverSocket, close, wait_for_bytes};
use crate::app::listener::monitor::ConnectionMonitor;
use crate::app::listener::request::{Handler, answer};
use crate::app::listener::stream::MonitoredStream;
use crate::app::listener::tls::Certificates;
use crate::s3::ConnectionInfo;

/// Bytes a connection reads or writes at once: enough that a large body costs few system calls. The buffer only grows to it
/// while a body flows.
const BUFFER_BYTES: usize = 256 << 10;
/// The largest request head: S3 allows 8 KiB of headers and 1 KiB of key, which escapes to three.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// Requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;
/// Bytes in one HTTP/2 frame; the protocol's default of 16 KiB makes uploads three times slower.
const FRAME_BYTES: u32 = 256 << 10;
/// Bytes a client may send ahead on one HTTP/2 stream, and on all of a connection together.
const WINDOW_BYTES: (u32, u32) = (1 << 20, 4 << 20);

/// The peer of a connection and the handler that serves it.
#[derive(Clone)]
pub(super) struct ConnectionContext<H> {
    /// Peer address and TLS state, for every request.
    pub(super) connection_info: ConnectionInfo,
    /// The monitor that enforces timeouts.
    pub(super) monitor: Arc<ConnectionMonitor>,
    /// Who answers.
    pub(super) handler: H,
}

impl<H: Handler> ConnectionContext<H> {
    /// Registers a connection with the monitor.
    fn monitored(&self, kind: Kind) -> Arc<ConnectionProgress> {
        self.monitor.begin_connection(kind, self.connection_info.peer)
    }
}

/// Serves a connection to its end.
///
/// Ten thousand connections that rest must not cost much, so nothing is built for one before its first byte, and what
/// only TLS and HTTP/2 need lies in a box of its own.
pub(super) async fn serve<H: Handler>(
    stream: TcpStream,
    certificates: Option<Arc<Certificates>>,
    connection_context: ConnectionContext<H>,
) {
    // Small answers must not wait for the acknowledgement of earlier ones.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let progress = connection_context.monitored(Kind::Http1);
    let mut stream = stream;
    if !wait_for_bytes(&mut stream, &progress).await {
        return;
    }
    match certificates {
        Some(certificates) => {
            drop(progress);
            Box::pin(serve_tls(stream, certificates, connection_context)).await;
        }
        None => serve_requests(stream, progress, connection_context).await,
    }
}

async fn serve_tls<H: Handler>(
    stream: TcpStream,
    certificates: Arc<Certificates>,
    mut connection_context: ConnectionContext<H>,
) {
    let handshake = certificates.acceptor().accept(stream);
    match tokio::time::timeout(connection_context.monitor.timeouts().handshake, handshake).await {
        Ok(Ok(stream)) => {
            let session = stream.get_ref().1;
            connection_context.connection_info.tls_version = session.protocol_version().and_then(named);
            if session.alpn_protocol() == Some(b"h2") {
                serve_http2(stream, connection_context.monitored(Kind::Http2), connection_context).await;
            } else {
                serve_requests(stream, connection_context.monitored(Kind::Http1), connection_context).await;
            }
        }
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake timed out"),
    }
}

/// A version of TLS as policies name it.
fn named(version: ProtocolVersion) -> Option<&'static str> {
    match version {
        ProtocolVersion::TLSv1_2 => Some("1.2"),
        ProtocolVersion::TLSv1_3 => Some("1.3"),
        _ => None,
    }
}

/// Serves HTTP/1.1 to its end. What serves requests lies in a box, which an idle connection does not have.
async fn serve_requests<S, H>(
    mut stream: S,
    progress: Arc<ConnectionProgress>,
    connection_context: ConnectionContext<H>,
) where
    S: OverSocket + Send + 'static,
    H: Handler,
{
    loop {
        match Box::pin(serve_http1(stream, Arc::clone(&progress), connection_context.clone())).await {
            Some(resting) => stream = resting,
            None => return,
        }
        if !wait_for_bytes(&mut stream, &progress).await {
            return close(stream);
        }
    }
}

/// Serves HTTP/1.1 until the connection ends or becomes idle: then the stream is returned and its buffers are freed.
/// That is 16 KiB of buffers at the least, and as much as the largest body filled at the most.
async fn serve_http1<S, H>(
    stream: S,
    progress: Arc<ConnectionProgress>,
    connection_context: ConnectionContext<H>,
) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let io = TokioIo::new(MonitoredStream::new(stream, Arc::clone(&progress)));
    let service = {
        let progress = Arc::clone(&progress);
        service_fn(move |request| {
            answer(
                connection_context.handler.clone(),
                Arc::clone(&connection_context.monitor),
                Arc::clone(&progress),
                connection_context.connection_info,
                request,
            )
        })
    };
    progress.wake();
    let mut connection = http1::Builder::new()
        .half_close(false)
        // The connection monitor times request heads, without a timer per request.
        .header_read_timeout(None)
        .max_buf_size(BUFFER_BYTES)
        .max_header_size(HEAD_BYTES_MAX)
        .serve_connection(io, service);
    if drive(Pin::new(&mut connection), &progress).await == Ended::Never {
        let parts = connection.into_parts();
        // A resting connection has read nothing ahead; if it had, that must not be lost silently.
        return parts.read_buf.is_empty().then(|| parts.io.into_inner().into_inner());
    }
    None
}

async fn serve_http2<S, H>(stream: S, progress: Arc<ConnectionProgress>, connection_context: ConnectionContext<H>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let io = TokioIo::new(MonitoredStream::new(stream, Arc::clone(&progress)));
    let service = {
        let progress = Arc::clone(&progress);
        service_fn(move |request| {
            answer(
                connection_context.handler.clone(),
                Arc::clone(&connection_context.monitor),
                Arc::clone(&progress),
                connection_context.connection_info,
                request,
            )
        })
    };
    let connection = pin!(
        http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_frame_size(FRAME_BYTES)
            .initial_stream_window_size(WINDOW_BYTES.0)
            .initial_connection_window_size(WINDOW_BYTES.1)
            .max_send_buf_size(BUFFER_BYTES)
            .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
            .serve_connection(io, service)
    );
    drive(connection, &progress).await;
}

/// Why a connection is no longer driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// It is over.
    Closed,
    /// It rests, and goes on with its next request.
    Never,
}

/// Runs a connection until it ends, becomes idle, or the monitor ends it.
async fn drive<C>(mut connection: Pin<&mut C>, progress: &ConnectionProgress) -> Ended
where
    C: GracefulConnection<Error = hyper::Error>,
{
    let mut finishing = false;
    std::future::poll_fn(|context| {
        let order = progress.poll_order(context);
        match order {
            Poll::Ready(Order::Cut) => return Poll::Ready(Ended::Closed),
            Poll::Ready(Order::Finish) if !finishing => {
                finishing = true;
                connection.as_mut().graceful_shutdown();
            }
            _ => {}
        }
        // Before it rests, what it has been woken for is done: it may be about to close, or to read.
        if let Poll::Ready(ended) = connection.as_mut().poll(context) {
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            }
            return Poll::Ready(Ended::Closed);
        }
        if matches!(order, Poll::Ready(Order::Rest)) {
            if progress.rests() {
                return Poll::Ready(Ended::Never);
            }
            progress.wake();
        }
        Poll::Pending
    })
    .await
}
