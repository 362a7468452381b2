//! Where the secrets that verify signatures come from.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use codec::ClusterKey;
use moka::future::Cache;
use zeroize::Zeroizing;

use crate::domain::AccessKey;
use crate::metadata::{MetadataError, MetadataStore};

/// What secrets are sealed for: [`ClusterKey::seal`]'s purpose, the key's id being the name.
pub const SECRET_PURPOSE: &str = "access-key";

/// How long a removed key may still be believed by a gateway that was not told.
const CACHE_LIFE: Duration = Duration::from_secs(2);

/// Keys kept open at once.
const CACHE_KEYS_MAX: u64 = 10_000;

/// The longest id that is looked up, in bytes; there are no longer ones.
const ID_BYTES_MAX: usize = 128;

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

/// The keys of the database, opened with the cluster key and remembered for a moment.
pub struct StoredKeys {
    metadata: MetadataStore,
    cluster_key: Arc<ClusterKey>,
    open: Cache<String, Arc<AccessKey>>,
}

impl Debug for StoredKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredKeys").finish_non_exhaustive()
    }
}

impl StoredKeys {
    /// The keys in this database.
    #[must_use]
    pub fn new(metadata: MetadataStore, cluster_key: Arc<ClusterKey>) -> Self {
        let open = Cache::builder().max_capacity(CACHE_KEYS_MAX).time_to_live(CACHE_LIFE).build();
        Self { metadata, cluster_key, open }
    }

    /// Forgets every opened key: after keys were removed, they are refused at once.
    pub fn forget_all(&self) {
        self.open.invalidate_all();
    }

    async fn look_up(&self, id: &str) -> Result<Arc<AccessKey>, Missing> {
        let found = self.metadata.access_key(id).await.map_err(|error| match error {
            MetadataError::Damaged(why) => Missing::Failed(KeyError::Damaged(why)),
            other => Missing::Failed(KeyError::Unavailable(other.to_string())),
        })?;
        let (user, sealed) = found.ok_or(Missing::Unknown)?;
        let damaged = |why: String| Missing::Failed(KeyError::Damaged(format!("{id}: {why}")));
        let opened = self.cluster_key.open(SECRET_PURPOSE, id.as_bytes(), &sealed);
        let opened = opened.map_err(|error| damaged(error.to_string()))?;
        let text = std::str::from_utf8(&opened).map_err(|error| damaged(error.to_string()))?;
        Ok(Arc::new(AccessKey { id: id.to_owned(), secret: Zeroizing::new(text.to_owned()), user }))
    }
}

/// Why there is nothing to remember: keys that do not exist are not, so that a new key works at once.
#[derive(Debug)]
enum Missing {
    Unknown,
    Failed(KeyError),
}

#[async_trait]
impl KeySource for StoredKeys {
    async fn access_key(&self, id: &str) -> Result<Option<Arc<AccessKey>>, KeyError> {
        if let Some(key) = self.open.get(id).await {
            return Ok(Some(key));
        }
        if id.len() > ID_BYTES_MAX {
            return Ok(None);
        }
        match self.open.try_get_with_by_ref(id, self.look_up(id)).await {
            Ok(key) => Ok(Some(key)),
            Err(missing) => match missing.as_ref() {
                Missing::Unknown => Ok(None),
                Missing::Failed(error) => Err(error.clone()),
            },
        }
    }
}
