//! `PutBucketAbac` and `GetBucketAbac`: whether tags of a bucket take part in who may use it. They do not: that is shown, and enabling
//! it is refused, so that nobody counts on a policy about tags.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::Bucket;
use crate::s3::body::Integrity;
use crate::s3::documents::xml::{XmlWriter, only, parse};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket};

const ROOT: &str = "AbacStatus";
/// The largest document, in bytes.
const DOCUMENT_BYTES_MAX: usize = 4 << 10;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_bucket("PutBucketAbac", Method::PUT, "s3:PutBucketAbac", put).query("abac"),
        on_bucket("GetBucketAbac", Method::GET, "s3:GetBucketAbac", get).query("abac"),
    ]
}

async fn put(mut request: S3Request, _bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let body = request.small_body(Integrity::Optional, DOCUMENT_BYTES_MAX).await?;
    let root = parse(&body, ROOT).map_err(|_| S3Error::from(Code::MalformedXML))?;
    only(&root, &["Status"])?;
    match root.text_of("Status") {
        Some("Disabled") => Ok(empty(StatusCode::OK)),
        Some("Enabled") => Err(Code::NotImplemented.into()),
        _ => Err(Code::MalformedXML.into()),
    }
}

async fn get(_request: S3Request, _bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let mut writer = XmlWriter::document(ROOT, 0);
    writer.text("Status", "Disabled");
    Ok(xml(writer.end(ROOT)))
}
