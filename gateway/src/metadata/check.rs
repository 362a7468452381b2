//! What checks and orphan collection ask of the metadata.

use codec::{BlobId, Root};

use super::{MetadataStore, Result};
use crate::domain::BackendId;

/// A sliver that a backend should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedSliver {
    /// Of which blob.
    pub blob: BlobId,
    /// Which of its slivers.
    pub index: u8,
    /// Random part of its name.
    pub attempt: u32,
    /// Its Merkle root.
    pub root: Root,
    /// Its length in bytes.
    pub len: u64,
}

/// A read noticed a bad or missing sliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Of which blob.
    pub blob: BlobId,
    /// Which of its slivers.
    pub index: u8,
    /// Where.
    pub backend: BackendId,
    /// What is wrong: a short word such as `missing` or `damaged`.
    pub kind: String,
}

impl MetadataStore {
    /// For each sliver name found on a backend, whether a row expects exactly it there.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn known_slivers(&self, names: &[(BlobId, u8, u32, BackendId)]) -> Result<Vec<bool>> {
        todo!()
    }

    /// The slivers a backend should hold, by blob and index, after one.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn slivers_of(
        &self, backend: &BackendId, after: Option<(BlobId, u8)>, limit: usize,
    ) -> Result<Vec<ExpectedSliver>> {
        todo!()
    }

    /// Records a finding and asks for the blob's repair. Doing it again only counts.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn record_finding(&self, finding: Finding) -> Result<()> {
        todo!()
    }

    /// Number of findings of each kind.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn findings(&self) -> Result<Vec<(String, u64)>> {
        todo!()
    }

    /// Number of waiting jobs of each kind.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn jobs(&self) -> Result<Vec<(String, u64)>> {
        todo!()
    }

    /// Recomputes what rows claim about other rows. Each line names an invariant that does not hold; empty is good.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn audit_counters(&self) -> Result<Vec<String>> {
        todo!()
    }
}
