//! `PutBucketAccelerateConfiguration` and `GetBucketAccelerateConfiguration`. There are no distant entrances to speed
//! transfers up: suspending that is taken and shown, enabling it is refused, so that nobody counts on an address that does
//! not exist.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::domain::{Bucket, Setting};
use crate::s3::body::Integrity;
use crate::s3::documents::xml::{XmlWriter, only, parse};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket};

const ROOT: &str = "AccelerateConfiguration";

/// The largest document, in bytes.
const DOCUMENT_BYTES_MAX: usize = 4 << 10;

/// Acceleration was suspended, which is not the same as never mentioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Suspended {}

impl Setting for Suspended {
    const KIND: &'static str = "accelerate";
}

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_bucket("PutBucketAccelerateConfiguration", Method::PUT, "s3:PutAccelerateConfiguration", put)
            .query("accelerate"),
        on_bucket("GetBucketAccelerateConfiguration", Method::GET, "s3:GetAccelerateConfiguration", get)
            .query("accelerate"),
    ]
}

async fn put(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let body = request.small_body(Integrity::Optional, DOCUMENT_BYTES_MAX).await?;
    let root = parse(&body, ROOT).map_err(|_| S3Error::from(Code::MalformedXML))?;
    only(&root, &["Status"])?;
    if bucket.name.as_str().contains('.') {
        let message = "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names";
        return Err(S3Error::with(Code::InvalidRequest, message));
    }
    match root.text_of("Status") {
        Some("Suspended") => {}
        Some("Enabled") => return Err(Code::NotImplemented.into()),
        _ => return Err(Code::MalformedXML.into()),
    }
    if request.state.metadata.set_setting(&bucket, &Suspended {}).await? {
        return Ok(empty(StatusCode::OK));
    }
    Err(S3Error::new(Code::NoSuchBucket).field("BucketName", bucket.name.as_str()))
}

async fn get(_call: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let mut writer = XmlWriter::document(ROOT, 0);
    if bucket.settings.get::<Suspended>()?.is_some() {
        writer.text("Status", "Suspended");
    }
    Ok(xml(writer.end(ROOT)))
}
