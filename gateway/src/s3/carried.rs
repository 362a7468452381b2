//! What a write carries besides its bytes: attributes, tags, a lock.

use super::call::Call;
use super::error::{Code, S3Error};
use super::{locks, object_headers, object_tags, storage_class};
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

/// Reads what a write carries, each part of which the caller must be permitted.
///
/// # Errors
/// What is wrong with it; `AccessDenied`.
pub async fn read(call: &Call, bucket: &Bucket, key: &ObjectKey) -> Result<Carried, S3Error> {
    let headers = &call.head.headers;
    let mut attributes = object_headers::read(headers)?;
    attributes.storage_class = storage_class::read(headers, &call.door.settings.storage_classes)?;
    if let Some(set) = object_tags::of_header(headers)? {
        attributes.tags = set.into_pairs();
        call.require_tags_of_new(bucket, key, &attributes.tags).await?;
    }
    let attributes = call.authored(bucket, key, attributes).await?;
    let lock = locks::read(headers, call.door.now())?;
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
