//! `PutBucketLogging` and `GetBucketLogging`.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::Bucket;
use crate::events::{LogKeyFormat, LoggingConfiguration};
use crate::s3::body::Integrity;
use crate::s3::documents::xml::{Element, XmlWriter, only, optional, parse};
use crate::s3::error::{Code, S3Error};
use crate::s3::ops::settings::configuration;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket};

const ROOT: &str = "BucketLoggingStatus";

/// The largest document, in bytes.
const DOCUMENT_BYTES_MAX: usize = 64 << 10;

/// The longest prefix of a log's key, in bytes: what follows it counts too.
const PREFIX_MAX: usize = 800;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_bucket("PutBucketLogging", Method::PUT, "s3:PutBucketLogging", put).query("logging"),
        on_bucket("GetBucketLogging", Method::GET, "s3:GetBucketLogging", get).query("logging"),
    ]
}

async fn put(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let body = request.small_body(Integrity::Optional, DOCUMENT_BYTES_MAX).await?;
    let root = parse(&body, ROOT).map_err(|_| S3Error::from(Code::MalformedXML))?;
    only(&root, &["LoggingEnabled"])?;
    let Some(element) = root.child("LoggingEnabled") else {
        configuration::clear::<LoggingConfiguration>(&request, &bucket).await?;
        return Ok(empty(StatusCode::OK));
    };
    let logging = read(element)?;
    let target = find_target(&request, &bucket, &logging.target).await?;
    let region = &request.state.settings.s3.region;
    let key = logging.key(bucket.owner, region, bucket.name.as_str(), request.state.objects.now(), 0);
    request.require_delegated_writes(&target, &[key]).await?;
    if !request.state.metadata.set_setting(&bucket, &logging).await? {
        return Err(S3Error::new(Code::NoSuchBucket).field("BucketName", bucket.name.as_str()));
    }
    Ok(empty(StatusCode::OK))
}

fn read(element: &Element) -> Result<LoggingConfiguration, S3Error> {
    only(element, &["TargetBucket", "TargetPrefix", "TargetGrants", "TargetObjectKeyFormat"])?;
    if element.child("TargetGrants").is_some_and(|grants| !grants.children.is_empty()) {
        return Err(Code::AccessControlListNotSupported.into());
    }
    let target = optional(element, "TargetBucket")?.ok_or(Code::MalformedXML)?;
    let prefix = optional(element, "TargetPrefix")?.ok_or(Code::MalformedXML)?;
    if prefix.len() > PREFIX_MAX {
        return Err(S3Error::argument("The prefix is too long", "TargetPrefix", &prefix));
    }
    let format = element.child("TargetObjectKeyFormat").map_or(Ok(LogKeyFormat::Unsaid), read_format)?;
    Ok(LoggingConfiguration { target, prefix, format })
}

fn read_format(element: &Element) -> Result<LogKeyFormat, S3Error> {
    only(element, &["SimplePrefix", "PartitionedPrefix"])?;
    match (element.child("SimplePrefix"), element.child("PartitionedPrefix")) {
        (Some(_), None) => Ok(LogKeyFormat::Simple),
        (None, Some(partitioned)) => match partitioned.text_of("PartitionDateSource") {
            Some("EventTime") => Ok(LogKeyFormat::ByEventTime),
            None | Some("DeliveryTime") => Ok(LogKeyFormat::ByDeliveryTime),
            Some(_) => Err(Code::MalformedXML.into()),
        },
        _ => Err(Code::MalformedXML.into()),
    }
}

/// The logs go to a bucket of the same owner.
async fn find_target(request: &S3Request, bucket: &Bucket, target: &str) -> Result<Arc<Bucket>, S3Error> {
    let refused = |message: &'static str| S3Error::with(Code::InvalidTargetBucketForLogging, message);
    let missing = || refused("The target bucket for logging does not exist").field("TargetBucket", target);
    let name = target.parse().map_err(|_| missing())?;
    let found = request.state.metadata.bucket(&name).await?.ok_or_else(missing)?;
    if found.owner != bucket.owner {
        let message = "The owner for the bucket to be logged and the target bucket must be the same.";
        return Err(refused(message).field("TargetBucket", target));
    }
    Ok(found)
}

async fn get(_call: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let mut writer = XmlWriter::document(ROOT, 0);
    if let Some(logging) = bucket.settings.get::<LoggingConfiguration>()? {
        writer.open("LoggingEnabled").text("TargetBucket", &logging.target).text("TargetPrefix", &logging.prefix);
        let partitioned = |source: &str| {
            format!("<PartitionedPrefix><PartitionDateSource>{source}</PartitionDateSource></PartitionedPrefix>")
        };
        let inside = match logging.format {
            LogKeyFormat::Unsaid => None,
            LogKeyFormat::Simple => Some("<SimplePrefix></SimplePrefix>".to_owned()),
            LogKeyFormat::ByEventTime => Some(partitioned("EventTime")),
            LogKeyFormat::ByDeliveryTime => Some(partitioned("DeliveryTime")),
        };
        if let Some(inside) = inside {
            writer.open("TargetObjectKeyFormat").raw(&inside).close("TargetObjectKeyFormat");
        }
        writer.close("LoggingEnabled");
    }
    Ok(xml(writer.end(ROOT)))
}
