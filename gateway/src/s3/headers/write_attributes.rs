//! Attributes, tags and object lock of a write, each authorized.

use crate::domain::{Bucket, ObjectAttributes, ObjectKey, VersionLock, Versioning};
use crate::policy::Permission;
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;

/// The attributes and the lock of a write.
#[derive(Clone, Debug)]
pub struct WriteAttributes {
    /// Attributes, tags and owner.
    pub attributes: ObjectAttributes,
    /// Its object lock.
    pub lock: VersionLock,
}

/// What a write carries, each part of which the caller must be permitted.
///
/// # Errors
/// `AccessDenied`; what the bucket does not have.
pub async fn read(request: &S3Request, bucket: &Bucket, key: &ObjectKey) -> Result<WriteAttributes, S3Error> {
    let mut attributes = request.input.attributes.clone();
    if let Some(set) = &request.input.tags {
        attributes.tags = set.pairs().to_vec();
        request.require_tags_of_new(bucket, key).await?;
    }
    let attributes = request.authored(bucket, key, attributes).await?;
    let lock = request.input.lock;
    if lock != VersionLock::NONE {
        // Refused early, before the body: a bucket without versions has no object lock.
        if bucket.lock.is_none() && bucket.versioning == Versioning::Never {
            return Err(S3Error::with(Code::InvalidRequest, "Bucket is missing Object Lock Configuration"));
        }
        for (requested, permission) in
            [(lock.retention.is_some(), "s3:PutObjectRetention"), (lock.legal_hold.is_some(), "s3:PutObjectLegalHold")]
        {
            if requested {
                request.require(Permission(permission), bucket, Some(key)).await?;
            }
        }
    }
    Ok(WriteAttributes { attributes, lock })
}
