//! `PutBucketNotificationConfiguration` and `GetBucketNotificationConfiguration`.

use std::sync::Arc;

use http::{Method, StatusCode};

use super::configuration;
use crate::domain::Bucket;
use crate::events::{NotificationConfiguration, test_event};
use crate::s3::body::Integrity;
use crate::s3::call::Call;
use crate::s3::error::{Code, S3Error};
use crate::s3::notification_xml;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket};
use crate::s3::xml::parse;

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

async fn put(mut call: Call, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let body = call.small_body(Integrity::Optional, DOCUMENT_BYTES_MAX).await?;
    let root = parse(&body, "NotificationConfiguration").map_err(|_| S3Error::from(Code::MalformedXML))?;
    let settings = &call.door.settings;
    let name = |at| format!("{}-{at}", call.id);
    let configuration = notification_xml::read(&root, &settings.notification_targets, &settings.region, name)?;
    if configuration.rules.is_empty() {
        configuration::clear::<NotificationConfiguration>(&call, &bucket).await?;
        return Ok(empty(StatusCode::OK));
    }
    if !call.door.metadata.set_setting(&bucket, &configuration).await? {
        return Err(S3Error::new(Code::NoSuchBucket).field("BucketName", bucket.name.as_str()));
    }
    let mut told: Vec<&str> = configuration.rules.iter().map(|rule| rule.target.as_str()).collect();
    told.sort_unstable();
    told.dedup();
    for target in told {
        let message = test_event(bucket.name.as_str(), call.door.objects.now(), &call.origin());
        call.door.metadata.tell(bucket.id, target, message).await?;
    }
    Ok(empty(StatusCode::OK))
}

async fn get(_call: Call, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let configuration = bucket.settings.get::<NotificationConfiguration>()?.unwrap_or_default();
    Ok(xml(notification_xml::write(&configuration)))
}
