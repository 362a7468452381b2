//! Sub-resources that nothing has been configured for: the answers that Amazon gives then, and that Terraform and others
//! read on every refresh. Configuring them is not supported yet (see `unsupported`).

use std::future::Ready;
use std::sync::Arc;

use http::Method;

use crate::domain::{Bucket, ObjectKey};
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, xml};
use crate::s3::route::{Row, on_bucket, on_object};

/// A configuration that is empty until it is set: operation, parameter, permission, root element, what is in it.
const EMPTY: &[(&str, &str, &str, &str, &str)] = &[
    (
        "ListBucketAnalyticsConfigurations",
        "analytics",
        "s3:GetAnalyticsConfiguration",
        "ListBucketAnalyticsConfigurationResult",
        NO_MORE,
    ),
    (
        "ListBucketIntelligentTieringConfigurations",
        "intelligent-tiering",
        "s3:GetIntelligentTieringConfiguration",
        "ListBucketIntelligentTieringConfigurationsOutput",
        NO_MORE,
    ),
    (
        "ListBucketMetricsConfigurations",
        "metrics",
        "s3:GetMetricsConfiguration",
        "ListMetricsConfigurationsResult",
        NO_MORE,
    ),
];

/// The end of an empty list.
const NO_MORE: &str = "<IsTruncated>false</IsTruncated>";

/// A configuration of which there could be several, each with an id: operation, parameter, permission.
const NAMED: &[(&str, &str, &str)] = &[
    ("GetBucketAnalyticsConfiguration", "analytics", "s3:GetAnalyticsConfiguration"),
    ("GetBucketIntelligentTieringConfiguration", "intelligent-tiering", "s3:GetIntelligentTieringConfiguration"),
    ("GetBucketMetricsConfiguration", "metrics", "s3:GetMetricsConfiguration"),
];

/// A configuration that does not exist until it is set: operation, parameter, permission, what is said then.
const MISSING: &[(&str, &str, &str, Code)] = &[
    (
        "GetBucketReplication",
        "replication",
        "s3:GetReplicationConfiguration",
        Code::ReplicationConfigurationNotFoundError,
    ),
    (
        "GetBucketMetadataConfiguration",
        "metadataConfiguration",
        "s3:GetBucketMetadataTableConfiguration",
        Code::NoSuchConfiguration,
    ),
];

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let empty = EMPTY.iter().map(|&(operation, parameter, permission, root, inside)| {
        let row = on_bucket(operation, Method::GET, permission, move |_, _| done(empty_document(root, inside)));
        row.query(parameter).accepts(&["continuation-token"])
    });
    let named = NAMED.iter().map(|&(operation, parameter, permission)| {
        let code = Code::NoSuchConfiguration;
        let handler =
            move |_, bucket: Arc<Bucket>| done(Err(S3Error::new(code).field("BucketName", bucket.name.as_str())));
        on_bucket(operation, Method::GET, permission, handler).query(parameter).query("id")
    });
    let missing = MISSING.iter().map(|&(operation, parameter, permission, code)| {
        let handler =
            move |_, bucket: Arc<Bucket>| done(Err(S3Error::new(code).field("BucketName", bucket.name.as_str())));
        on_bucket(operation, Method::GET, permission, handler).query(parameter)
    });
    let mut rows = vec![
        on_object("GetObjectTorrent", Method::GET, "s3:GetObjectTorrent", no_torrent)
            .query("torrent")
            .accepts(&["versionId"]),
    ];
    rows.extend(empty);
    rows.extend(missing);
    rows.extend(named);
    rows.into_iter().map(Row::answering_defaults).collect()
}

fn done(answer: Result<Response, S3Error>) -> Ready<Result<Response, S3Error>> {
    std::future::ready(answer)
}

fn empty_document(root: &str, inside: &str) -> Result<Response, S3Error> {
    let mut writer = XmlWriter::document(root, 0);
    writer.raw(inside);
    Ok(xml(writer.end(root)))
}

/// Nothing is offered to peers, so no torrent exists whatever object does.
async fn no_torrent(_call: S3Request, _bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    Err(S3Error::new(Code::NoSuchKey).field("Key", key.as_str()))
}
