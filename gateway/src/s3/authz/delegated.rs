//! What a configuration makes the gateway do later on somebody's behalf: writing logs and inventories, listing a bucket.
//!
//! The decision is made once, when the configuration is set, about the caller who sets it and about what will be done: the
//! keys that would be written now, with the attributes they would get. Afterwards the configuration stands for itself, as
//! with Amazon, where a service goes on delivering when whoever set it up is gone: who is to lose what it gives loses it
//! by a change of the configuration. What is checked at each delivery is that source and target still have one owner.

use crate::domain::{Bucket, ObjectKey};
use crate::policy::Permission;
use crate::s3::documents::listing_input::ListingInput;
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::operation_input::OperationInput;
use crate::s3::pipeline::request::S3Request;

/// What writing an object asks for.
const WRITE: Permission = Permission("s3:PutObject");

impl S3Request {
    /// Goes on only if the caller may write objects of these keys, without any attributes.
    ///
    /// # Errors
    /// `AccessDenied`; `KeyTooLongError` when a key would be too long to be written.
    pub(crate) async fn require_delegated_writes(&mut self, target: &Bucket, keys: &[String]) -> Result<(), S3Error> {
        self.input = OperationInput { creates: true, ..OperationInput::default() };
        for key in keys {
            let key = ObjectKey::new(key.clone()).map_err(|_| S3Error::from(Code::KeyTooLongError))?;
            self.require_version(WRITE, target, Some(&key), None).await?;
        }
        Ok(())
    }

    /// Goes on only if the caller may list whatever begins so, all of its versions or only what is current.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub(crate) async fn require_delegated_listing(
        &mut self,
        bucket: &Bucket,
        prefix: &str,
        all_versions: bool,
    ) -> Result<(), S3Error> {
        let listing = ListingInput { prefix: prefix.to_owned(), ..ListingInput::default() };
        self.input = OperationInput { listing: Some(listing), ..OperationInput::default() };
        let permission = if all_versions { "s3:ListBucketVersions" } else { "s3:ListBucket" };
        self.require_version(Permission(permission), bucket, None, None).await
    }
}
