//! `PutBucketLifecycleConfiguration`, `GetBucketLifecycleConfiguration`, `DeleteBucketLifecycle`; the older pair of requests
//! that had no filters has the same address.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::domain::Bucket;
use crate::lifecycle::{Configuration, MinimumSize};
use crate::s3::body::Integrity;
use crate::s3::documents::lifecycle;
use crate::s3::documents::xml::parse;
use crate::s3::error::{Code, S3Error};
use crate::s3::ops::settings::configuration;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket};

/// The largest document, in bytes: a thousand rules with long names and filters.
const DOCUMENT_BYTES_MAX: usize = 2 << 20;

const MINIMUM_SIZE: HeaderName = HeaderName::from_static("x-amz-transition-default-minimum-object-size");
const ALL_128K: HeaderValue = HeaderValue::from_static("all_storage_classes_128K");
const VARIES: HeaderValue = HeaderValue::from_static("varies_by_storage_class");

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let (put_it, get_it) = ("s3:PutLifecycleConfiguration", "s3:GetLifecycleConfiguration");
    vec![
        on_bucket("PutBucketLifecycleConfiguration", Method::PUT, put_it, put).query("lifecycle"),
        on_bucket("GetBucketLifecycleConfiguration", Method::GET, get_it, get).query("lifecycle"),
        on_bucket("DeleteBucketLifecycle", Method::DELETE, put_it, delete).query("lifecycle"),
    ]
}

async fn put(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let minimum_size = minimum_size(&request)?;
    let body = request.small_body(Integrity::Required, DOCUMENT_BYTES_MAX).await?;
    let root = parse(&body, "LifecycleConfiguration").map_err(|_| S3Error::from(Code::MalformedXML))?;
    let rules = lifecycle::read(&root, |at| format!("{}-{at}", request.id))?;
    let configuration = Configuration { rules, minimum_size };
    if !request.state.metadata.set_setting(&bucket, &configuration).await? {
        return Err(S3Error::new(Code::NoSuchBucket).field("BucketName", bucket.name.as_str()));
    }
    let mut response = empty(StatusCode::OK);
    response.headers_mut().insert(MINIMUM_SIZE, shown(minimum_size));
    Ok(response)
}

async fn get(_call: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let missing = || S3Error::new(Code::NoSuchLifecycleConfiguration).field("BucketName", bucket.name.as_str());
    let configuration = bucket.settings.get::<Configuration>()?.ok_or_else(missing)?;
    let mut response = xml(lifecycle::write(&configuration));
    response.headers_mut().insert(MINIMUM_SIZE, shown(configuration.minimum_size));
    Ok(response)
}

async fn delete(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    configuration::clear::<Configuration>(&request, &bucket).await
}

fn minimum_size(request: &S3Request) -> Result<MinimumSize, S3Error> {
    match request.header(MINIMUM_SIZE.as_str()) {
        None | Some("all_storage_classes_128K") => Ok(MinimumSize::All128K),
        Some("varies_by_storage_class") => Ok(MinimumSize::VariesByStorageClass),
        Some(word) => {
            let word: String = word.chars().take(80).collect();
            let message = format!("Invalid TransitionDefaultMinimumObjectSize found: {word}");
            Err(S3Error::with(Code::InvalidRequest, message))
        }
    }
}

fn shown(minimum_size: MinimumSize) -> HeaderValue {
    match minimum_size {
        MinimumSize::All128K => ALL_128K,
        MinimumSize::VariesByStorageClass => VARIES,
    }
}
