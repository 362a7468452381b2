//! The encryption keys of a request: of what it writes, and of what it copies.

use std::sync::Arc;

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
    choose(&request.input.encryption, || {
        let default = bucket.settings.get::<DefaultEncryption>();
        default.map_err(|error| S3Error::internal(error.to_string()))
    })
}

/// The key, where what is asked for leaves open what the bucket's default says.
fn choose(
    asked: &Encryption,
    default: impl FnOnce() -> Result<Option<Arc<DefaultEncryption>>, S3Error>,
) -> Result<Option<KeyChoice>, S3Error> {
    let of_service =
        |default: Option<Arc<DefaultEncryption>>| default.filter(|one| one.algorithm == DefaultAlgorithm::Kms);
    let wants_bucket_key = |default: &DefaultEncryption| default.bucket_key == Some(true);
    Ok(match asked {
        Encryption::Gateway => None,
        Encryption::Customer(key) => Some(KeyChoice::Customer(key.clone())),
        Encryption::Kms { key, context, bucket_key } => {
            let bucket_key = match bucket_key {
                Some(wanted) => *wanted,
                None => of_service(default()?).as_ref().is_some_and(|default| wants_bucket_key(default)),
            };
            Some(KeyChoice::Kms { key: key.clone(), context: context.clone(), bucket_key })
        }
        Encryption::Nothing => of_service(default()?).map(|default| {
            let bucket_key = wants_bucket_key(&default);
            KeyChoice::Kms { key: default.key_id.clone(), context: None, bucket_key }
        }),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_key_is_wanted_where_the_write_or_else_the_rule_says_so() {
        let kms = |bucket_key| Encryption::Kms { key: Some("k".to_owned()), context: None, bucket_key };
        let rule =
            |algorithm, bucket_key| Some(DefaultEncryption { algorithm, key_id: Some("r".to_owned()), bucket_key });
        let (service, own) = (DefaultAlgorithm::Kms, DefaultAlgorithm::Gateway);
        for (asked, default, expected) in [
            (kms(None), None, Some(("k", false))),
            (kms(None), rule(service, Some(true)), Some(("k", true))),
            (kms(None), rule(service, None), Some(("k", false))),
            (kms(None), rule(own, Some(true)), Some(("k", false))),
            (kms(Some(false)), rule(service, Some(true)), Some(("k", false))),
            (kms(Some(true)), None, Some(("k", true))),
            (Encryption::Nothing, rule(service, Some(true)), Some(("r", true))),
            (Encryption::Nothing, rule(own, Some(true)), None),
            (Encryption::Gateway, rule(service, Some(true)), None),
        ] {
            let chosen = choose(&asked, || Ok(default.map(Arc::new))).expect("no fault");
            let chosen = chosen.as_ref().map(|choice| match choice {
                KeyChoice::Kms { key, bucket_key, .. } => (key.as_deref().unwrap_or_default(), *bucket_key),
                KeyChoice::Customer(_) => panic!("nobody sent a key"),
            });
            assert_eq!(chosen, expected, "{asked:?}");
        }
    }
}
