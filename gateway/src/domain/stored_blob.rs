//! Blobs as the database knows them.

use codec::{BlobId, BlobLayout, ClusterId, Root, SliverIdentity, WrappedKey};

use crate::domain::backend_id::BackendId;

/// Where one sliver of a blob is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Which sliver: 0 to k-1 hold data, k to n-1 parity.
    pub index: u8,
    /// The backend that holds it.
    pub backend: BackendId,
    /// Random part of its name: a sliver that is written again gets a new one.
    pub attempt: u32,
    /// Its Merkle root. A sliver on the backend with another root is stale, swapped or forged.
    pub root: Root,
}

/// A sealed blob with everything needed to read it. Immutable but for placements, which repair may move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// Its name.
    pub id: BlobId,
    /// Scheme, chunk size, stripe shape and lengths: where each byte lies in each sliver.
    pub layout: BlobLayout,
    /// The blob's data key, wrapped by the cluster key.
    pub wrapped_key: WrappedKey,
    /// The same data key as a later cluster key has wrapped it. The slivers do not know it.
    pub rewrapped_key: Option<WrappedKey>,
    /// The slivers that were acknowledged, ascending by index; fewer than n when the write was degraded.
    pub placements: Vec<Placement>,
}

impl StoredBlob {
    /// What each byte of one of its slivers is held against, together with the root.
    #[must_use]
    pub fn sliver_identity(&self, cluster: ClusterId, index: u8) -> SliverIdentity {
        SliverIdentity { cluster, blob: self.id, index, layout: self.layout, wrapped_key: self.wrapped_key }
    }
}
