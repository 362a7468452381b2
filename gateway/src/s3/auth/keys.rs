//! Where the secrets that verify signatures come from.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::AccessKey;

/// Why a key could not be looked up.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// The database is away: 503.
    #[error("access keys cannot be looked up now: {0}")]
    Unavailable(String),
    /// A sealed secret does not open: wrong cluster key or a damaged row. 500.
    #[error("the secret of an access key cannot be opened: {0}")]
    Damaged(String),
}

/// Access keys by their public half.
#[async_trait]
pub trait KeySource: Send + Sync + Debug {
    /// The key with its secret opened; `None` when there is no such key.
    async fn access_key(&self, id: &str) -> Result<Option<Arc<AccessKey>>, KeyError>;
}
