//! Errors as S3 shows them.

use axum::body::Body;
use http::{Method, StatusCode, header};

use super::{Response, XML};
use crate::s3::error::S3Error;
use crate::s3::request_id::{RequestId, RequestIds};
use crate::s3::xml::XmlWriter;

/// The reply that tells a client why. HEAD gets the status alone, and so does a status that has no body.
#[must_use]
pub fn refuse(error: &S3Error, method: &Method, path: &str, id: RequestId, ids: &RequestIds) -> Response {
    let status = error.status();
    let mut response = if *method == Method::HEAD || status == StatusCode::NOT_MODIFIED {
        Response::new(Body::empty())
    } else {
        Response::new(Body::from(document(error, path, id, ids)))
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, XML);
    for (name, value) in &error.headers {
        headers.append(name, value.clone());
    }
    response
}

/// The XML of an error.
#[must_use]
pub fn document(error: &S3Error, path: &str, id: RequestId, ids: &RequestIds) -> String {
    let mut writer = XmlWriter::declared(512);
    write(&mut writer, error, path, id, ids);
    writer.finish()
}

/// Writes the element of an error.
pub fn write(writer: &mut XmlWriter, error: &S3Error, path: &str, id: RequestId, ids: &RequestIds) {
    writer.open("Error").text("Code", error.code.name()).text("Message", &error.message);
    for (name, value) in &error.fields {
        writer.text(name, value);
    }
    writer.text("Resource", path).plain("RequestId", id);
    writer.text("HostId", ids.host().to_str().unwrap_or_default()).close("Error");
}
