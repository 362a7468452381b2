//! From a request on the wire to the handler and back, whatever the handler does.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use futures::FutureExt as _;
use http::{Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;

use super::body::RequestBody;
use super::connection_watch::ConnectionWatch;
use super::refuse;
use super::reply::{Reply, UnderWay};
use crate::s3::Arrival;

/// Answers requests. Cloned for each request, so it should be cheap to clone.
pub trait Handler: Clone + Send + Sync + 'static {
    /// Answers one request; never fails, errors are answers.
    fn answer(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send;
}

/// Answers one request of a connection.
pub(super) async fn answer<H: Handler>(
    handler: H,
    connection: Arc<ConnectionWatch>,
    arrival: Arrival,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Infallible> {
    let place = connection.watch().admit_request(arrival.peer);
    let admitted = place.is_some();
    let watch = Arc::clone(connection.watch());
    let under_way = UnderWay::begin(connection, place);
    let response = if admitted {
        let mut request = request.map(|body| with_watch(body, watch));
        request.extensions_mut().insert(arrival);
        // In a box, which goes when the answer is there: hyper would keep room for it while the connection rests.
        let answer = Box::pin(handler.answer(request));
        AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|_| refuse::internal_error())
    } else {
        refuse::slow_down()
    };
    Ok(response.map(|body| Reply::new(body, under_way)))
}

fn with_watch(body: Incoming, watch: Arc<super::Watch>) -> Body {
    if body.is_end_stream() { Body::empty() } else { Body::new(RequestBody::new(body, watch)) }
}
