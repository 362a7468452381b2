//! The preflight of a browser. It carries no signature, and without a CORS configuration it is refused.

use std::sync::Arc;

use http::{Method, header};

use crate::domain::{Bucket, ObjectKey};
use crate::s3::call::Call;
use crate::s3::error::{Code, S3Error};
use crate::s3::respond::Response;
use crate::s3::route::{Row, on_bucket, on_object};

/// The rows of this group. The names are ours: Amazon's model has none for a preflight.
pub fn rows() -> Vec<Row> {
    vec![
        on_bucket("PreflightBucket", Method::OPTIONS, "s3:GetBucketCORS", bucket).open_to_all(),
        on_object("PreflightObject", Method::OPTIONS, "s3:GetBucketCORS", object).open_to_all(),
    ]
}

async fn bucket(call: Call, _bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    Err(refusal(&call))
}

async fn object(call: Call, _bucket: Arc<Bucket>, _key: ObjectKey) -> Result<Response, S3Error> {
    Err(refusal(&call))
}

fn refusal(call: &Call) -> S3Error {
    if !call.head.headers.contains_key(header::ORIGIN) {
        return S3Error::with(Code::BadRequest, "Insufficient information. Origin request header needed.");
    }
    let asked = call.header("access-control-request-method").unwrap_or_default();
    S3Error::with(Code::AccessForbidden, "CORSResponse: CORS is not enabled for this bucket.")
        .field("Method", asked)
        .field("ResourceType", "BUCKET")
}
