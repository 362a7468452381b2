//! Generates ids and keys.

use std::sync::atomic::{AtomicU64, Ordering};

use codec::{BlobId, BlobKey, ClusterId, ClusterKey, WrappedKey};

use crate::clock::{Ambient, random};
use crate::domain::{Timestamp, UploadId, VersionId};

/// Generates blob ids, data keys, version ids and attempt numbers, all unique.
#[derive(Debug)]
pub(crate) struct IdGenerator {
    pub(crate) cluster: ClusterId,
    key: ClusterKey,
    incarnation: u32,
    ambient: Ambient,
    writes: AtomicU64,
}

/// The identity of a blob that is about to be written.
pub(crate) struct NewBlobIdentity {
    pub(crate) id: BlobId,
    pub(crate) key: BlobKey,
    pub(crate) wrapped: WrappedKey,
}

impl IdGenerator {
    /// A generator for one incarnation of one gateway.
    pub(crate) fn new(cluster: ClusterId, key: ClusterKey, incarnation: u32, ambient: Ambient) -> Self {
        Self { cluster, key, incarnation, ambient, writes: AtomicU64::new(0) }
    }

    /// A new blob: an id that carries the incarnation, and a data key of its own.
    pub(crate) fn blob(&self) -> NewBlobIdentity {
        let id = BlobId::new(self.incarnation, random(&*self.ambient.entropy));
        let key = BlobKey::from_bytes(random(&*self.ambient.entropy));
        let wrapped = self.key.wrap(&id, &key, random(&*self.ambient.entropy));
        NewBlobIdentity { id, key, wrapped }
    }

    /// Opens the data key of a stored blob.
    pub(crate) fn open(&self, id: &BlobId, wrapped: &WrappedKey) -> Result<BlobKey, codec::KeyError> {
        self.key.unwrap_key(id, wrapped)
    }

    /// The same data key under the newest cluster key; `None` when it is that already.
    pub(crate) fn rewrap(&self, id: &BlobId, wrapped: &WrappedKey) -> Result<Option<WrappedKey>, codec::KeyError> {
        let newest = self.key.newest();
        if wrapped.key_id() == newest.id() {
            return Ok(None);
        }
        let key = self.key.unwrap_key(id, wrapped)?;
        Ok(Some(newest.wrap(id, &key, random(&*self.ambient.entropy))))
    }

    /// A new version's name.
    pub(crate) fn version(&self) -> VersionId {
        VersionId(random(&*self.ambient.entropy))
    }

    /// A new salt.
    pub(crate) fn salt(&self) -> [u8; 16] {
        random(&*self.ambient.entropy)
    }

    /// A new upload's name.
    pub(crate) fn upload(&self) -> UploadId {
        UploadId(random(&*self.ambient.entropy))
    }

    /// The random part of a sliver's name.
    pub(crate) fn attempt(&self) -> u32 {
        u32::from_be_bytes(random(&*self.ambient.entropy))
    }

    /// A seed for placement.
    pub(crate) fn seed(&self) -> u64 {
        u64::from_be_bytes(random(&*self.ambient.entropy))
    }

    /// The next write counter: later writes of a cluster carry higher ones, so that a rebuild from slivers alone can
    /// tell the newer of two. The high half is the incarnation, the low half counts within it.
    pub(crate) fn write_counter(&self) -> u64 {
        (u64::from(self.incarnation) << 40) | self.writes.fetch_add(1, Ordering::Relaxed)
    }

    /// The incarnation whose blobs these are.
    pub(crate) fn incarnation(&self) -> u32 {
        self.incarnation
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.ambient.clock.now()
    }
}
