//! The encryption keys of a request: of what it writes, and of what it copies.

use crate::domain::{Bucket, DefaultAlgorithm, DefaultEncryption, ObjectKey};
use crate::objects::{DataKey, EncryptionKey, KeyChoice};
use crate::s3::error::S3Error;
use crate::s3::headers::sse::{self, Encryption};
use crate::s3::pipeline::connection_info::ConnectionInfo;
use crate::s3::pipeline::request::S3Request;

/// The key of a write to an object: what it asks for, else what the bucket's default is.
///
/// # Errors
/// What the key service says.
pub async fn encryption_key(
    request: &S3Request,
    bucket: &Bucket,
    key: &ObjectKey,
) -> Result<Option<EncryptionKey>, S3Error> {
    match choice(request, bucket)? {
        None => Ok(None),
        Some(choice) => Ok(Some(request.state.objects.new_encryption_key(choice, bucket, key).await?)),
    }
}

/// The key a write is to be encrypted with.
///
/// # Errors
/// When the bucket's default cannot be read.
pub fn choice(request: &S3Request, bucket: &Bucket) -> Result<Option<KeyChoice>, S3Error> {
    match &request.input.encryption {
        Encryption::Gateway => Ok(None),
        Encryption::Key(choice) => Ok(Some(choice.clone())),
        Encryption::Nothing => {
            let default = bucket.settings.get::<DefaultEncryption>();
            let default = default.map_err(|error| S3Error::internal(error.to_string()))?;
            Ok(default.filter(|default| default.algorithm == DefaultAlgorithm::Kms).map(|default| KeyChoice::Kms {
                key: default.key_id.clone(),
                context: None,
                bucket_key: default.bucket_key.unwrap_or(false),
            }))
        }
    }
}

/// The key a client sent for what is to be copied.
///
/// # Errors
/// Amazon's words for a key that is none.
pub fn source_key(request: &S3Request) -> Result<Option<DataKey>, S3Error> {
    let in_the_clear = request.state.settings.s3.sse_c_requires_tls && !ConnectionInfo::of(&request.head).encrypted;
    sse::demand_tls(&request.head.headers, in_the_clear)?;
    sse::source_key(&request.head.headers)
}
