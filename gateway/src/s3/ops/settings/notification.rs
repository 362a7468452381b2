//! `PutBucketNotificationConfiguration` and `GetBucketNotificationConfiguration`.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::Bucket;
use crate::events::{NotificationConfiguration, test_event};
use crate::s3::body::Integrity;
use crate::s3::documents::notification;
use crate::s3::documents::xml::parse;
use crate::s3::error::{Code, S3Error};
use crate::s3::ops::settings::configuration;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket};

/// The largest document, in bytes.
const DOCUMENT_BYTES_MAX: usize = 256 << 10;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let (put_it, get_it) = ("s3:PutBucketNotification", "s3:GetBucketNotification");
    vec![
        on_bucket("PutBucketNotificationConfiguration", Method::PUT, put_it, put).query("notification"),
        on_bucket("GetBucketNotificationConfiguration", Method::GET, get_it, get).query("notification"),
    ]
}

async fn put(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let body = request.small_body(Integrity::Optional, DOCUMENT_BYTES_MAX).await?;
    let root = parse(&body, "NotificationConfiguration").map_err(|_| S3Error::from(Code::MalformedXML))?;
    let settings = &request.state.settings;
    let name = |at| format!("{}-{at}", request.id);
    let allowed = settings.notification_targets.iter().filter(|target| target.allows(Some(bucket.owner)));
    let targets: Vec<&str> = allowed.map(|target| target.name.as_str()).collect();
    let configuration = notification::read(&root, &targets, &settings.s3.region, name)?;
    if configuration.rules.is_empty() {
        configuration::clear::<NotificationConfiguration>(&request, &bucket).await?;
        return Ok(empty(StatusCode::OK));
    }
    if !request.state.metadata.set_setting(&bucket, &configuration).await? {
        return Err(S3Error::new(Code::NoSuchBucket).field("BucketName", bucket.name.as_str()));
    }
    let mut targets: Vec<&str> = configuration.rules.iter().map(|rule| rule.target.as_str()).collect();
    targets.sort_unstable();
    targets.dedup();
    for target in targets {
        let message = test_event(bucket.name.as_str(), request.state.objects.now(), &request.origin());
        request.state.metadata.enqueue_event(bucket.id, target, message).await?;
    }
    Ok(empty(StatusCode::OK))
}

async fn get(_call: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let configuration = bucket.settings.get::<NotificationConfiguration>()?.unwrap_or_default();
    Ok(xml(notification::write(&configuration)))
}
