//! Calls the handler for one request; a panic becomes a 500.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use futures::FutureExt as _;
use http::{Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use tower::Service;

use crate::app::listener::body::RequestBody;
use crate::app::listener::connection_progress::ConnectionProgress;
use crate::app::listener::monitor::ConnectionMonitor;
use crate::app::listener::refuse;
use crate::app::listener::reply::{Reply, UnderWay};
use crate::objects::Revocation;
use crate::s3::ConnectionInfo;

/// A service that answers requests: it is always ready and never fails, errors are answers. Cloned for each request, so it
/// should be cheap to clone. Its futures live as long as their connection and should be small, such as a box.
pub trait Handler:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> Handler for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// Answers one request of a connection.
pub(super) async fn answer<H: Handler>(
    mut handler: H,
    monitor: Arc<ConnectionMonitor>,
    connection: Arc<ConnectionProgress>,
    connection_info: ConnectionInfo,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Infallible> {
    let permit = monitor.admit_request(connection_info.peer);
    let admitted = permit.is_some();
    let mut request = request.map(|body| with_monitor(body, &connection, monitor));
    let under_way = UnderWay::begin(Arc::clone(&connection), permit);
    let mut response = if admitted {
        request.extensions_mut().insert(connection_info);
        match AssertUnwindSafe(handler.call(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Err(_panic) => refuse::internal_error(),
        }
    } else {
        refuse::slow_down()
    };
    if let Some(revocation) = response.extensions_mut().remove::<Revocation>() {
        // The response may be remembered for longer than its connection is there.
        let connection = Arc::downgrade(&connection);
        revocation.on_revoked(move || {
            if let Some(connection) = connection.upgrade() {
                connection.cut();
            }
        });
    }
    Ok(response.map(|body| Reply::new(body, under_way)))
}

fn with_monitor(body: Incoming, connection: &Arc<ConnectionProgress>, monitor: Arc<ConnectionMonitor>) -> Body {
    if body.is_end_stream() {
        return Body::empty();
    }
    Body::new(RequestBody::new(body, Arc::clone(connection), monitor))
}
