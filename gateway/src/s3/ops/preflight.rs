//! The preflight of a browser: whether a page may send the request it is about to send. It carries no signature, whatever
//! the URL says, and learns nothing but the rules that apply to it.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};

use crate::domain::{Bucket, ObjectKey};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::cors::{self, CorsRequest};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty};
use crate::s3::route::{Row, on_bucket, on_object};
use crate::web::{CorsConfiguration, METHODS};

/// The rows of this group. The names are ours: Amazon's model has none for a preflight.
pub fn rows() -> Vec<Row> {
    vec![
        on_bucket("PreflightBucket", Method::OPTIONS, "s3:GetBucketCORS", bucket).open_to_all().accepts_anything(),
        on_object("PreflightObject", Method::OPTIONS, "s3:GetBucketCORS", object).open_to_all().accepts_anything(),
    ]
}

async fn bucket(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    answer(&request.head, &bucket, "BUCKET")
}

async fn object(request: S3Request, bucket: Arc<Bucket>, _key: ObjectKey) -> Result<Response, S3Error> {
    answer(&request.head, &bucket, "OBJECT")
}

/// Answers a preflight about a resource of this type by the rules of the bucket.
///
/// # Errors
/// `BadRequest` to what is no preflight, `AccessForbidden` when no rule allows what it asks.
pub fn answer(head: &Parts, bucket: &Bucket, resource_type: &'static str) -> Result<Response, S3Error> {
    let cors_request = CorsRequest::read(&head.method, &head.headers).ok_or_else(without_origin)?;
    let rules = bucket.settings.get::<CorsConfiguration>()?;
    let rules = rules.ok_or_else(|| refused(head, "CORSResponse: CORS is not enabled for this bucket.", "BUCKET"))?;
    let requested = requested_method(head);
    if !requested.is_some_and(|method| METHODS.contains(&method)) {
        let message = format!("Invalid Access-Control-Request-Method: {}", requested.unwrap_or("null"));
        return Err(S3Error::with(Code::BadRequest, message));
    }
    let grant = cors_request.evaluate(&rules).ok_or_else(|| {
        refused(
            head,
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request \
             method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the \
             resource's CORS spec.",
            resource_type,
        )
    })?;
    let mut response = empty(StatusCode::OK);
    cors::write(&grant, &cors_request, response.headers_mut());
    response.headers_mut().insert(header::VARY, cors::VARY);
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(0));
    Ok(response)
}

/// What is said to a preflight about a bucket that does not exist: no more than to one without rules.
#[must_use]
pub fn without_bucket(head: &Parts) -> S3Error {
    match CorsRequest::read(&head.method, &head.headers) {
        Some(_) => refused(head, "CORSResponse: Bucket not found", "BUCKET"),
        None => without_origin(),
    }
}

fn without_origin() -> S3Error {
    S3Error::with(Code::BadRequest, "Insufficient information. Origin request header needed.")
}

fn requested_method(head: &Parts) -> Option<&str> {
    head.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD).and_then(|method| method.to_str().ok())
}

fn refused(head: &Parts, message: &'static str, resource_type: &'static str) -> S3Error {
    let method = requested_method(head).unwrap_or(head.method.as_str());
    S3Error::with(Code::AccessForbidden, message).field("Method", method).field("ResourceType", resource_type)
}
