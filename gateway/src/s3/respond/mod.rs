//! Replies: what every one of them carries, documents, errors, contents, and answers that take long.

mod content;
mod error;
mod keep_alive;
mod version;

use axum::body::Body;
use http::{HeaderName, HeaderValue, StatusCode, header};

pub use content::{ContentToSend, content};
pub use error::{refuse, refuse_control};
pub use keep_alive::{Document, when_ready};
pub use version::{describe, etag_header, object_url, validators};

use crate::s3::pipeline::request_id::{RequestId, RequestIds};

/// A reply.
pub type Response = http::Response<Body>;

const XML: HeaderValue = HeaderValue::from_static("application/xml");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const HOST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");
const SERVER: HeaderValue = HeaderValue::from_static("Haulout");

/// A reply without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// 200 with a document.
#[must_use]
pub fn xml(document: String) -> Response {
    let mut response = Response::new(Body::from(document));
    response.headers_mut().insert(header::CONTENT_TYPE, XML);
    response
}

/// Adds what every reply carries.
pub fn stamp(response: &mut Response, id: RequestId, ids: &RequestIds) {
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id.header());
    headers.insert(HOST_ID, ids.host().clone());
    headers.insert(header::SERVER, SERVER);
}
