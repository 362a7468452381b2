//! Access keys for the verifier: from the database, opened, and remembered for a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use codec::ClusterKey;
use moka::sync::Cache;

use crate::admin::users::open_secret;
use crate::domain::AccessKey;
use crate::metadata::MetadataStore;
use crate::s3::auth::{KeyError, KeySource};

/// How long a key, or that there is none, is believed. Changes made through this gateway count at once.
const BELIEF: Duration = Duration::from_secs(5);
/// Keys remembered; ids that do not exist count too, so that guessing does not reach the database each time.
const KEYS_MAX: u64 = 10_000;

/// The keys.
#[derive(Clone)]
pub struct Keys {
    metadata: MetadataStore,
    cluster_key: Arc<ClusterKey>,
    remembered: Cache<String, Option<Arc<AccessKey>>>,
    /// How often everything was forgotten: what was looked up before must not be remembered after.
    forgotten: Arc<AtomicU64>,
}

impl Keys {
    /// Keys from this database, sealed by this cluster key.
    #[must_use]
    pub fn new(metadata: MetadataStore, cluster_key: ClusterKey) -> Self {
        let remembered = Cache::builder().max_capacity(KEYS_MAX).time_to_live(BELIEF).build();
        Self { metadata, cluster_key: Arc::new(cluster_key), remembered, forgotten: Arc::default() }
    }

    /// Forgets everything: a user or key changed.
    pub fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.remembered.invalidate_all();
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("remembered", &self.remembered.entry_count()).finish_non_exhaustive()
    }
}

#[async_trait]
impl KeySource for Keys {
    async fn access_key(&self, id: &str) -> Result<Option<Arc<AccessKey>>, KeyError> {
        if let Some(remembered) = self.remembered.get(id) {
            return Ok(remembered);
        }
        let before = self.forgotten.load(Ordering::Acquire);
        let row = self.metadata.access_key(id).await.map_err(|error| KeyError::Unavailable(error.to_string()))?;
        let key = match row {
            None => None,
            Some((user, sealed)) => {
                let secret = open_secret(&self.cluster_key, id, &sealed)
                    .map_err(|error| KeyError::Damaged(format!("access key {id}: {error}")))?;
                Some(Arc::new(AccessKey { id: id.to_owned(), secret, user }))
            }
        };
        if self.forgotten.load(Ordering::Acquire) == before {
            self.remembered.insert(id.to_owned(), key.clone());
        }
        Ok(key)
    }
}
