//! Responses for connections and requests beyond the limits.

use std::time::Duration;

use axum::body::Body;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// `Retry-After`, in seconds.
const RETRY_SECONDS: &str = "1";
/// Time a rejected client gets to read the response.
const REJECTION_TIME: Duration = Duration::from_millis(200);

const SLOW_DOWN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code>\
    <Message>Please reduce your request rate.</Message></Error>";
const INTERNAL: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code>\
    <Message>We encountered an internal error. Please try again.</Message></Error>";

/// 503 for a request beyond the cap.
pub(super) fn slow_down() -> Response<Body> {
    let mut response = error(StatusCode::SERVICE_UNAVAILABLE, SLOW_DOWN);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
    response
}

/// 500 for a request whose handler panicked. The connection ends: the body may be half read.
pub(super) fn internal_error() -> Response<Body> {
    let mut response = error(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn error(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

/// Answers 503 on a connection beyond the cap, and lets the client read it before closing: closing with unread
/// bytes would reset it and throw the answer away.
pub(super) async fn reject(mut stream: TcpStream) {
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/xml\r\ncontent-length: {}\r\n\
         retry-after: {RETRY_SECONDS}\r\nconnection: close\r\n\r\n{SLOW_DOWN}",
        SLOW_DOWN.len()
    );
    let rejection_deadline = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut ignored = [0; 4_096];
        while stream.read(&mut ignored).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Whether the rejected client received it changes nothing.
    drop(tokio::time::timeout(REJECTION_TIME, rejection_deadline).await);
}
