//! Sub-resources that nothing has been configured for: the answers that Amazon gives then, and that Terraform and others
//! read on every refresh. Configuring them is not supported yet (see `unsupported`).

use std::future::Ready;
use std::sync::Arc;

use http::Method;

use crate::domain::{Bucket, ObjectKey};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::Response;
use crate::s3::route::{Row, on_bucket, on_object};

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
    rows.extend(missing);
    rows.into_iter().map(Row::answering_defaults).collect()
}

fn done(answer: Result<Response, S3Error>) -> Ready<Result<Response, S3Error>> {
    std::future::ready(answer)
}

/// Nothing is offered to peers, so no torrent exists whatever object does.
async fn no_torrent(_call: S3Request, _bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    Err(S3Error::new(Code::NoSuchKey).field("Key", key.as_str()))
}
