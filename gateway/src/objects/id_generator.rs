//! Generates ids and keys.

use std::sync::atomic::{AtomicU64, Ordering};

use codec::{BlobId, BlobKey, ClusterId, ClusterKey, WrappedKey};

use crate::clock::{Ambient, random, time_ordered_id};
use crate::domain::{Timestamp, UploadId, VersionId};
use crate::journal::tag::BlobPurpose;

/// Generates blob ids, data keys, version ids and attempt numbers, all unique.
#[derive(Debug)]
pub(crate) struct IdGenerator {
    pub(crate) cluster: ClusterId,
    key: ClusterKey,
    incarnation: u32,
    ambient: Ambient,
    writes: AtomicU64,
    /// The last number of [`IdGenerator::moment`].
    last_moment: AtomicU64,
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
        Self { cluster, key, incarnation, ambient, writes: AtomicU64::new(0), last_moment: AtomicU64::new(0) }
    }

    /// A number that grows with time and is never given twice, whatever the clock does. Ids begin with it, so that the
    /// indexes over them grow at their ends instead of being written all over.
    fn moment(&self) -> [u8; 8] {
        let now = u64::try_from(self.now().0).unwrap_or(0);
        let next = |last: u64| Some(now.max(last + 1));
        let last = self.last_moment.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        now.max(last.unwrap_or_else(|last| last) + 1).to_be_bytes()
    }

    /// A new blob: an id that carries the incarnation and the time, and a data key of its own. Its last bytes are random: by
    /// them slivers are spread over folders.
    pub(crate) fn blob(&self) -> NewBlobIdentity {
        self.identity(self.blob_id(), &self.key)
    }

    /// A new blob of the journal, which a scan of names finds. It is for whoever has lost the database, and so under the newest key, also
    /// while that replaces another.
    pub(crate) fn journal_blob(&self) -> NewBlobIdentity {
        let newest = self.key.newest();
        self.identity(BlobPurpose::Journal.tag(self.blob_id(), newest), newest)
    }

    /// A new blob for what compaction takes over: whoever has lost the database finds nothing new in it.
    pub(crate) fn compacted_blob(&self) -> NewBlobIdentity {
        self.identity(BlobPurpose::Compaction.tag(self.blob_id(), self.key.newest()), &self.key)
    }

    /// Whether a blob is of the journal.
    pub(crate) fn is_of_journal(&self, blob: &BlobId) -> bool {
        BlobPurpose::Journal.is_of(blob, &self.key)
    }

    fn blob_id(&self) -> BlobId {
        let mut tail = [0; 12];
        tail[..8].copy_from_slice(&self.moment());
        tail[8..].copy_from_slice(&random::<4>(&*self.ambient.entropy));
        BlobId::new(self.incarnation, tail)
    }

    fn identity(&self, id: BlobId, cluster_key: &ClusterKey) -> NewBlobIdentity {
        let key = BlobKey::from_bytes(random(&*self.ambient.entropy));
        let wrapped = cluster_key.wrap(&id, &key, random(&*self.ambient.entropy));
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

    /// A new version's name. Clients see it, and cannot guess those of others.
    pub(crate) fn version(&self) -> VersionId {
        VersionId(time_ordered_id(&self.ambient))
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

    /// A number for names that others must not have chosen as well.
    pub(crate) fn unique(&self) -> u64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_none_is_given_twice() {
        let key = ClusterKey::new(1, [9; 32]);
        let generator = IdGenerator::new(ClusterId([7; 16]), key, 5, Ambient::system());
        let blobs: Vec<_> = (0..1_000).map(|_| generator.blob().id).collect();
        assert!(blobs.is_sorted_by(|one, next| one < next) && blobs.iter().all(|id| id.incarnation() == 5));
        let versions: Vec<_> = (0..1_000).map(|_| generator.version()).collect();
        assert!(versions.is_sorted_by(|one, next| one.0[..7] <= next.0[..7] && one != next));
        let folders: std::collections::BTreeSet<u8> = blobs.iter().map(|id| id.0[15]).collect();
        assert!(folders.len() > 200, "they are spread evenly: {}", folders.len());
    }
}
