//! Operations of S3 that are not supported: each has its row, so that its requests are answered 501 and are never taken
//! for another operation.

use http::Method;

use crate::s3::pipeline::target::Level;
use crate::s3::route::{Need, Row, unsupported};

const BUCKET: Level = Level::Bucket;
const OBJECT: Level = Level::Object;

/// Operation, method, level, the parameter that identifies it, permission.
const ROWS: &[(&str, Method, Level, &str, &str)] = &[
    (
        "CreateBucketMetadataConfiguration",
        Method::POST,
        BUCKET,
        "metadataConfiguration",
        "s3:CreateBucketMetadataTableConfiguration",
    ),
    (
        "CreateBucketMetadataTableConfiguration",
        Method::POST,
        BUCKET,
        "metadataTable",
        "s3:CreateBucketMetadataTableConfiguration",
    ),
    ("CreateSession", Method::GET, BUCKET, "session", "s3:CreateSession"),
    (
        "DeleteBucketMetadataConfiguration",
        Method::DELETE,
        BUCKET,
        "metadataConfiguration",
        "s3:DeleteBucketMetadataTableConfiguration",
    ),
    (
        "DeleteBucketMetadataTableConfiguration",
        Method::DELETE,
        BUCKET,
        "metadataTable",
        "s3:DeleteBucketMetadataTableConfiguration",
    ),
    ("DeleteBucketReplication", Method::DELETE, BUCKET, "replication", "s3:PutReplicationConfiguration"),
    ("DeleteObjectAnnotation", Method::DELETE, OBJECT, "annotation", "s3:DeleteObjectAnnotation"),
    (
        "GetBucketMetadataTableConfiguration",
        Method::GET,
        BUCKET,
        "metadataTable",
        "s3:GetBucketMetadataTableConfiguration",
    ),
    ("ListObjectAnnotations", Method::GET, OBJECT, "annotation", "s3:ListObjectAnnotations"),
    ("PutBucketReplication", Method::PUT, BUCKET, "replication", "s3:PutReplicationConfiguration"),
    ("PutObjectAnnotation", Method::PUT, OBJECT, "annotation", "s3:PutObjectAnnotation"),
    (
        "UpdateBucketMetadataAnnotationTableConfiguration",
        Method::PUT,
        BUCKET,
        "metadataAnnotationTable",
        "s3:UpdateBucketMetadataTableConfiguration",
    ),
    (
        "UpdateBucketMetadataInventoryTableConfiguration",
        Method::PUT,
        BUCKET,
        "metadataInventoryTable",
        "s3:UpdateBucketMetadataTableConfiguration",
    ),
    (
        "UpdateBucketMetadataJournalTableConfiguration",
        Method::PUT,
        BUCKET,
        "metadataJournalTable",
        "s3:UpdateBucketMetadataTableConfiguration",
    ),
    ("UpdateObjectEncryption", Method::PUT, OBJECT, "encryption", "s3:UpdateObjectEncryption"),
];

/// Operations that share method and parameter with one above, and the parameter that distinguishes them.
const NARROWER: &[(&str, Method, Level, [&str; 2], &str)] = &[
    ("GetObjectAnnotation", Method::GET, OBJECT, ["annotation", "annotationName"], "s3:GetObjectAnnotation"),
    ("SelectObjectContent", Method::POST, OBJECT, ["select", "select-type"], "s3:GetObject"),
];

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let single_parameter = ROWS.iter().map(|(operation, method, level, parameter, permission)| {
        unsupported(operation, method.clone(), *level, parameter, permission)
    });
    let two_parameters = NARROWER.iter().map(|(operation, method, level, [one, other], permission)| {
        unsupported(operation, method.clone(), *level, one, permission).need(Need::Query(other))
    });
    let directories = unsupported(
        "ListDirectoryBuckets",
        Method::GET,
        Level::Service,
        "max-directory-buckets",
        "s3:ListAllMyBuckets",
    );
    single_parameter.chain(two_parameters).chain([directories]).collect()
}
