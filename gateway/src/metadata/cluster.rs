//! The one row that says which cluster this database belongs to.

use codec::ClusterId;

use super::{MetadataStore, Result};

/// Who this cluster is and which key opens its blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its name; every sliver and every backend's format marker carries it.
    pub id: ClusterId,
    /// Which cluster key wraps new blob keys.
    pub key_id: u32,
    /// Proves that a key file holds that key.
    pub key_check: [u8; 16],
}

impl MetadataStore {
    /// The cluster, once it was founded.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn cluster(&self) -> Result<Option<Cluster>> {
        todo!()
    }

    /// Founds the cluster, unless somebody already has; answers the one that counts.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn found_cluster(&self, cluster: Cluster) -> Result<Cluster> {
        todo!()
    }
}
