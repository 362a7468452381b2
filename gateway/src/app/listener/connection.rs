//! One connection: TLS if asked for, then HTTP/1.1 or, where the client chose it, HTTP/2.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::connection_watch::{ConnectionWatch, Order};
use super::request::{Handler, answer};
use super::stream::WatchedStream;
use super::tls::Certificates;
use super::watch::Watch;

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

/// Serves a connection to its end.
pub(super) async fn serve<H: Handler>(
    stream: TcpStream,
    certificates: Option<Arc<Certificates>>,
    watch: Arc<Watch>,
    handler: H,
) {
    // Small answers must not wait for the acknowledgement of earlier ones.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let Some(certificates) = certificates else {
        return speak_http1(stream, &watch, handler).await;
    };
    let handshake = certificates.acceptor().accept(stream);
    match tokio::time::timeout(watch.patience().handshake, handshake).await {
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
            speak_http2(stream, &watch, handler).await
        }
        Ok(Ok(stream)) => speak_http1(stream, &watch, handler).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}

async fn speak_http1<S, H>(stream: S, watch: &Arc<Watch>, handler: H)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let progress = ConnectionWatch::begin(watch, false);
    let io = TokioIo::new(WatchedStream::new(stream, Arc::clone(&progress)));
    let service = {
        let progress = Arc::clone(&progress);
        service_fn(move |request| answer(handler.clone(), Arc::clone(&progress), request))
    };
    let connection = http1::Builder::new()
        .half_close(false)
        // The watch times heads, and without a timer per request.
        .header_read_timeout(None)
        .max_buf_size(BUFFER_BYTES)
        .max_header_size(HEAD_BYTES_MAX)
        .serve_connection(io, service);
    drive(connection, &progress).await;
}

async fn speak_http2<S, H>(stream: S, watch: &Arc<Watch>, handler: H)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let progress = ConnectionWatch::begin(watch, true);
    let io = TokioIo::new(WatchedStream::new(stream, Arc::clone(&progress)));
    let service = {
        let progress = Arc::clone(&progress);
        service_fn(move |request| answer(handler.clone(), Arc::clone(&progress), request))
    };
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_frame_size(FRAME_BYTES)
        .initial_stream_window_size(WINDOW_BYTES.0)
        .initial_connection_window_size(WINDOW_BYTES.1)
        .max_send_buf_size(BUFFER_BYTES)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .serve_connection(io, service);
    drive(connection, &progress).await;
}

/// Runs a connection until it ends or the watch ends it.
async fn drive<C: GracefulConnection<Error = hyper::Error>>(connection: C, progress: &ConnectionWatch) {
    let mut connection = pin!(connection);
    let mut finishing = false;
    let ended = std::future::poll_fn(|context| {
        match progress.poll_order(context) {
            Poll::Ready(Order::Cut) => return Poll::Ready(Ok(())),
            Poll::Ready(Order::Finish) if !finishing => {
                finishing = true;
                connection.as_mut().graceful_shutdown();
            }
            _ => {}
        }
        connection.as_mut().poll(context)
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "connection ended");
    }
}
