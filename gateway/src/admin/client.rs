//! The other end of the admin socket.

use std::io::ErrorKind;
use std::path::Path;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::admin::error::AdminError;
use crate::admin::{Operation, socket};

/// Why nothing came back over the socket.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens there: no gateway serves from this data folder.
    #[error("no gateway is running")]
    NobodyThere,
    /// The gateway refused the operation.
    #[error(transparent)]
    Answered(#[from] AdminError),
    /// The connection broke, or the gateway is another version. The operation may have taken effect.
    #[error("the running gateway did not answer properly: {0}")]
    Broken(String),
}

/// Runs an operation in the running gateway.
///
/// # Errors
/// See [`CallError`].
pub async fn call<O: Operation>(path: &Path, operation: &O) -> Result<O::Reply, CallError> {
    let stream = match connect(path).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Err(CallError::NobodyThere);
        }
        Err(error) => return Err(broken(&error)),
    };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    let connection = tokio::spawn(connection);
    let body = serde_json::to_vec(operation).map_err(|error| broken(&error))?;
    let request = Request::post(format!("/{}", O::NAME))
        .header("host", "haulout")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| broken(&error))?;
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|error| broken(&error))?.to_bytes();
    connection.abort();
    match status {
        StatusCode::OK => serde_json::from_slice(&body).map_err(|error| broken(&error)),
        StatusCode::NOT_FOUND => Err(CallError::Broken(format!("it does not support operation {:?}", O::NAME))),
        _ => Err(match serde_json::from_slice::<AdminError>(&body) {
            Ok(error) => error.into(),
            Err(_) => CallError::Broken(format!("{status}: {}", String::from_utf8_lossy(&body))),
        }),
    }
}

async fn connect(path: &Path) -> std::io::Result<UnixStream> {
    let stream = socket::at(path, |path| std::os::unix::net::UnixStream::connect(path))?;
    stream.set_nonblocking(true)?;
    // A Unix socket connects at once or not at all: no timeout is needed.
    tokio::task::yield_now().await;
    UnixStream::from_std(stream)
}

fn broken(error: &dyn std::error::Error) -> CallError {
    CallError::Broken(error.to_string())
}
