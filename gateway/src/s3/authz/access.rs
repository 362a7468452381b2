//! Looks up buckets, their region and their owners.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use crate::domain::{Bucket, BucketName, CanonicalId, User, UserId};
use crate::policy::{Principal, account_number};
use crate::s3::auth::Identity;
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::state::S3State;

/// The region of a bucket.
pub const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// An owner as XML shows one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// `<ID>`.
    pub id: CanonicalId,
    /// `<DisplayName>`.
    pub name: String,
}

impl Identity {
    /// The principal of the caller; none for an anonymous request.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Anonymous => None,
            Self::Known(caller) => Some(caller.principal()),
        }
    }
}

impl S3State {
    /// A bucket.
    ///
    /// # Errors
    /// `NoSuchBucket`.
    pub async fn bucket(&self, name: &BucketName) -> Result<Arc<Bucket>, S3Error> {
        let found = self.metadata.bucket(name).await?;
        found.ok_or_else(|| S3Error::new(Code::NoSuchBucket).field("BucketName", name.as_str()))
    }

    /// The region of a bucket.
    #[must_use]
    pub fn region_of(&self, bucket: &Bucket) -> HeaderValue {
        let region = if bucket.location.is_empty() { &self.settings.s3.region } else { &bucket.location };
        HeaderValue::from_str(region).unwrap_or(const { HeaderValue::from_static("us-east-1") })
    }

    /// The owner of a bucket; the caller, most of the time.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn owner_of(&self, bucket: &Bucket, identity: &Identity) -> Result<Owner, S3Error> {
        self.owner_by_id(bucket.owner, identity).await
    }

    /// A user, as owners are shown; the caller, most of the time.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn owner_by_id(&self, id: UserId, identity: &Identity) -> Result<Owner, S3Error> {
        let known = |user: &User| Owner { id: user.canonical_id.clone(), name: user.name.clone() };
        if let Identity::Known(key) = identity
            && key.user.id == id
        {
            return Ok(known(&key.user));
        }
        let user = self.metadata.user(id).await?;
        user.as_ref().map(known).ok_or_else(|| S3Error::internal("the owner of a bucket or object does not exist"))
    }

    /// Checks `x-amz-expected-bucket-owner`: a canonical id, or the twelve digits of an account.
    ///
    /// # Errors
    /// `InvalidBucketOwnerAWSAccountID` for what is no id of anything, `AccessDenied` when it is another's or nobody's.
    pub async fn expect_owner(&self, expected: &str, bucket: &Bucket, identity: &Identity) -> Result<(), S3Error> {
        if expected.is_empty() || !expected.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Code::InvalidBucketOwnerAWSAccountID.into());
        }
        let owner = self.owner_of(bucket, identity).await?;
        if expected == account_number(bucket.owner) || expected.eq_ignore_ascii_case(&owner.id.0) {
            return Ok(());
        }
        Err(Code::AccessDenied.into())
    }
}
