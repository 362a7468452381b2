//! A key service: makes and unwraps the data keys of SSE-KMS.

use async_trait::async_trait;

use crate::domain::{KmsKey, UserId};
use crate::objects::encryption::data_key::DataKey;

/// Who holds the keys that wrap data keys. The wrapping key itself never leaves it.
#[async_trait]
pub trait KeyProvider: Send + Sync + std::fmt::Debug {
    /// A new data key under the named key, or under the default one, bound to a context: in the clear, and wrapped.
    async fn generate(&self, key: Option<&str>, context: Option<String>)
    -> Result<(DataKey, KmsKey), KeyProviderError>;

    /// Whether what lies in an account's buckets may be encrypted and decrypted under the named key, or under the default one. A key
    /// that does not exist is nobody's to refuse.
    fn permits(&self, key: Option<&str>, account: UserId) -> bool;

    /// The data key that was wrapped.
    async fn unwrap(&self, key: &KmsKey) -> Result<DataKey, KeyProviderError>;

    /// The same data key bound to another context.
    async fn rebind(&self, key: &KmsKey, context: Option<String>) -> Result<KmsKey, KeyProviderError>;

    /// The same data key under the newest version of its wrapping key; `None` when it is that already.
    async fn rewrap(&self, key: &KmsKey) -> Result<Option<KmsKey>, KeyProviderError>;
}

/// Errors of a key service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProviderError {
    /// There is no key of this name.
    #[error("Key '{0}' does not exist")]
    NotFound(String),
    /// The key is for the buckets of other accounts.
    #[error("Key '{0}' may not be used for the buckets of this account")]
    NotPermitted(String),
    /// No key was named and there is no default one.
    #[error("No key was named, and no default key is configured")]
    NoDefault,
    /// No key service is configured.
    #[error("No key service is configured")]
    NotConfigured,
    /// The wrapped key is damaged, bound to another context, or its wrapping key's version is gone.
    #[error("the wrapped data key cannot be decrypted: {0}")]
    Refused(String),
    /// It does not answer now.
    #[error("the key service is unavailable: {0}")]
    Unavailable(String),
}

/// No key service: every request for one is refused.
#[derive(Debug, Default)]
pub struct NoKeyProvider;

#[async_trait]
impl KeyProvider for NoKeyProvider {
    async fn generate(&self, _: Option<&str>, _: Option<String>) -> Result<(DataKey, KmsKey), KeyProviderError> {
        Err(KeyProviderError::NotConfigured)
    }

    fn permits(&self, _: Option<&str>, _: UserId) -> bool {
        true
    }

    async fn unwrap(&self, _: &KmsKey) -> Result<DataKey, KeyProviderError> {
        Err(KeyProviderError::NotConfigured)
    }

    async fn rebind(&self, _: &KmsKey, _: Option<String>) -> Result<KmsKey, KeyProviderError> {
        Err(KeyProviderError::NotConfigured)
    }

    async fn rewrap(&self, _: &KmsKey) -> Result<Option<KmsKey>, KeyProviderError> {
        Err(KeyProviderError::NotConfigured)
    }
}
