//! What replies of websites have in common.

use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::s3::error::S3Error;
use crate::s3::respond::{self, Response};

const ERROR_CODE: HeaderName = HeaderName::from_static("x-amz-error-code");
const ERROR_MESSAGE: HeaderName = HeaderName::from_static("x-amz-error-message");

/// A redirect without a body.
pub(super) fn redirect(status: StatusCode, location: HeaderValue) -> Response {
    let mut response = respond::empty(status);
    response.headers_mut().insert(header::LOCATION, location);
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(0));
    response
}

/// Says in headers what went wrong, whatever the page shows.
pub(super) fn name_error(error: &S3Error, response: &mut Response) {
    response.headers_mut().insert(ERROR_CODE, HeaderValue::from_static(error.code.name()));
    if let Ok(message) = HeaderValue::from_str(&error.message) {
        response.headers_mut().insert(ERROR_MESSAGE, message);
    }
}
