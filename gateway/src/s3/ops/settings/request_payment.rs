//! `PutBucketRequestPayment` and `GetBucketRequestPayment`: the owner of a bucket pays, always.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::Bucket;
use crate::s3::body::Integrity;
use crate::s3::documents::xml::{XmlWriter, only, parse};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket};

const ROOT: &str = "RequestPaymentConfiguration";

/// The largest document, in bytes.
const DOCUMENT_BYTES_MAX: usize = 4 << 10;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_bucket("PutBucketRequestPayment", Method::PUT, "s3:PutBucketRequestPayment", put).query("requestPayment"),
        on_bucket("GetBucketRequestPayment", Method::GET, "s3:GetBucketRequestPayment", get).query("requestPayment"),
    ]
}

async fn put(mut request: S3Request, _bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let body = request.small_body(Integrity::Optional, DOCUMENT_BYTES_MAX).await?;
    let root = parse(&body, ROOT).map_err(|_| S3Error::from(Code::MalformedXML))?;
    only(&root, &["Payer"])?;
    match root.text_of("Payer") {
        Some("BucketOwner") => Ok(empty(StatusCode::OK)),
        Some("Requester") => Err(Code::NotImplemented.into()),
        _ => Err(Code::MalformedXML.into()),
    }
}

async fn get(_call: S3Request, _bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let mut writer = XmlWriter::document(ROOT, 0);
    writer.text("Payer", "BucketOwner");
    Ok(xml(writer.end(ROOT)))
}
