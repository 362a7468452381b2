//! What a write carries besides its bytes: attributes, tags, a lock.

use super::call::Call;
use super::error::{Code, S3Error};
use crate::domain::{Bucket, ObjectAttributes, ObjectKey, VersionLock, Versioning};
use crate::policy::Permission;

/// What a write carries.
#[derive(Clone, Debug)]
pub struct Carried {
    /// Attributes, tags and owner.
    pub attributes: ObjectAttributes,
    /// What is to keep the version.
    pub lock: VersionLock,
}

/// What a write carries, each part of which the caller must be permitted.
///
/// # Errors
/// `AccessDenied`; what the bucket does not have.
pub async fn read(call: &Call, bucket: &Bucket, key: &ObjectKey) -> Result<Carried, S3Error> {
    let mut attributes = call.input.attributes.clone();
    if let Some(set) = &call.input.tags {
        attributes.tags = set.pairs().to_vec();
        call.require_tags_of_new(bucket, key).await?;
    }
    let attributes = call.authored(bucket, key, attributes).await?;
    let lock = call.input.lock;
    if lock != VersionLock::NONE {
        // Said early: what has no versions has no object lock, and the body need not come.
        if bucket.lock.is_none() && bucket.versioning == Versioning::Never {
            return Err(S3Error::with(Code::InvalidRequest, "Bucket is missing Object Lock Configuration"));
        }
        for (asked, permission) in
            [(lock.retention.is_some(), "s3:PutObjectRetention"), (lock.legal_hold.is_some(), "s3:PutObjectLegalHold")]
        {
            if asked {
                call.require(Permission(permission), bucket, Some(key)).await?;
            }
        }
    }
    Ok(Carried { attributes, lock })
}
