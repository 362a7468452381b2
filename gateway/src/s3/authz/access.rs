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
    /// `<DisplayName>`, where owners are shown by name.
    pub name: Option<String>,
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

    /// The name of the region of a bucket with this location. `EU`, an old one, is none that clients could sign for.
    #[must_use]
    pub fn region_name<'a>(&'a self, location: &'a str) -> &'a str {
        match location {
            "" => &self.settings.s3.region,
            "EU" => "eu-west-1",
            location => location,
        }
    }

    /// The region of a bucket.
    #[must_use]
    pub fn region_of(&self, bucket: &Bucket) -> HeaderValue {
        HeaderValue::from_str(self.region_name(&bucket.location))
            .unwrap_or(const { HeaderValue::from_static("us-east-1") })
    }

    /// The owner of a bucket; the caller, most of the time.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn owner_of(&self, bucket: &Bucket, identity: &Identity) -> Result<Owner, S3Error> {
        self.owner_by_id(bucket.owner, identity).await
    }

    /// A user, as owners are shown.
    #[must_use]
    pub fn owner_as_shown(&self, user: &User) -> Owner {
        let name = self.settings.s3.owner_display_names.then(|| user.name.clone());
        Owner { id: user.canonical_id.clone(), name }
    }

    /// The owner that a user is; the caller, most of the time.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn owner_by_id(&self, id: UserId, identity: &Identity) -> Result<Owner, S3Error> {
        if let Identity::Known(key) = identity
            && key.user.id == id
        {
            return Ok(self.owner_as_shown(&key.user));
        }
        let user = self.metadata.user(id).await?;
        user.map(|user| self.owner_as_shown(&user))
            .ok_or_else(|| S3Error::internal("the owner of a bucket or object does not exist"))
    }

    /// Checks `x-amz-expected-bucket-owner`: a canonical id, or the twelve digits of an account.
    ///
    /// # Errors
    /// `InvalidBucketOwnerAWSAccountID` for what is no id of anything, `AccessDenied` when it is another's or nobody's.
    pub async fn expect_owner(&self, expected: &str, bucket: &Bucket, identity: &Identity) -> Result<(), S3Error> {
        let is_account = expected.len() == 12 && expected.bytes().all(|b| b.is_ascii_digit());
        let is_canonical = expected.len() == 64 && expected.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_account && !is_canonical {
            let shown: String = expected.chars().take(80).collect();
            let message =
                format!("The value of the expected bucket owner parameter must be an AWS Account ID... [{shown}]");
            return Err(S3Error::with(Code::InvalidBucketOwnerAWSAccountID, message));
        }
        let owner = self.owner_of(bucket, identity).await?;
        if expected == account_number(bucket.owner) || expected.eq_ignore_ascii_case(&owner.id.0) {
            return Ok(());
        }
        Err(Code::AccessDenied.into())
    }
}
