//! Who may do what with which bucket: looks up the facts, asks the rule book, names owners.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use super::auth::Identity;
use super::door::Door;
use super::error::{Code, S3Error};
use crate::domain::{Bucket, BucketName, CanonicalId, User, UserId};
use crate::policy::{Decision, Permission, Requester, decide};

/// Says in which region a bucket is.
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
    /// The caller as the rule book knows callers.
    #[must_use]
    pub fn requester(&self) -> Requester {
        match self {
            Self::Anonymous => Requester::Anonymous,
            Self::Known(key) => Requester::User { id: key.user.id, root: key.user.root },
        }
    }
}

impl Door {
    /// A bucket the caller may do this with.
    ///
    /// # Errors
    /// `NoSuchBucket` before `AccessDenied`, as Amazon has it.
    pub async fn bucket_for(
        &self,
        name: &BucketName,
        identity: &Identity,
        permission: Permission,
    ) -> Result<Arc<Bucket>, S3Error> {
        let found = self.metadata.bucket(name).await?;
        let bucket = found.ok_or_else(|| S3Error::new(Code::NoSuchBucket).field("BucketName", name.as_str()))?;
        match decide(identity.requester(), permission, Some(bucket.owner)) {
            Decision::Allow => Ok(bucket),
            Decision::Deny => Err(S3Error::new(Code::AccessDenied).header(BUCKET_REGION, self.region_of(&bucket))),
        }
    }

    /// Checks what needs no bucket.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub fn allow(identity: &Identity, permission: Permission) -> Result<(), S3Error> {
        match decide(identity.requester(), permission, None) {
            Decision::Allow => Ok(()),
            Decision::Deny => Err(Code::AccessDenied.into()),
        }
    }

    /// The region a bucket says it is in.
    #[must_use]
    pub fn region_of(&self, bucket: &Bucket) -> HeaderValue {
        let place = if bucket.location.is_empty() { &self.settings.region } else { &bucket.location };
        HeaderValue::from_str(place).unwrap_or(const { HeaderValue::from_static("us-east-1") })
    }

    /// The owner of a bucket; the caller, most of the time.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn owner_of(&self, bucket: &Bucket, identity: &Identity) -> Result<Owner, S3Error> {
        let known = |user: &User| Owner { id: user.canonical_id.clone(), name: user.name.clone() };
        if let Identity::Known(key) = identity
            && key.user.id == bucket.owner
        {
            return Ok(known(&key.user));
        }
        let user = self.metadata.user(bucket.owner).await?;
        user.as_ref().map(known).ok_or_else(|| S3Error::internal("a bucket has an owner who does not exist"))
    }

    /// Checks `x-amz-expected-bucket-owner`: a canonical id, or the twelve digits of an account.
    ///
    /// # Errors
    /// `InvalidBucketOwnerAWSAccountID` for text that can be neither, `AccessDenied` when it is another's.
    pub async fn expect_owner(&self, expected: &str, bucket: &Bucket, identity: &Identity) -> Result<(), S3Error> {
        let account = expected.len() == 12 && expected.bytes().all(|b| b.is_ascii_digit());
        let canonical = expected.len() == 64 && expected.bytes().all(|b| b.is_ascii_hexdigit());
        if !account && !canonical {
            return Err(Code::InvalidBucketOwnerAWSAccountID.into());
        }
        let owner = self.owner_of(bucket, identity).await?;
        if expected == account_number(bucket.owner) || expected.eq_ignore_ascii_case(&owner.id.0) {
            return Ok(());
        }
        Err(Code::AccessDenied.into())
    }
}

/// The twelve digits of a user's account.
#[must_use]
pub fn account_number(user: UserId) -> String {
    format!("{:012}", user.0)
}
