//! Incarnations: each start of a gateway, fenced by a lease on database time.

use super::{MetadataStore, Result};

/// Whether blobs of an incarnation may still be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncarnationState {
    /// It may still commit.
    Live,
    /// It never commits again: its blobs that no row references are orphans.
    Dead,
}

impl MetadataStore {
    /// Begins a new incarnation of the gateway of this name and answers its number, the first part of its blob ids.
    /// Numbers grow and are never reused.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn begin_incarnation(&self, gateway: &str, lease_seconds: i64) -> Result<u32> {
        todo!()
    }

    /// Extends the lease of a living incarnation to now plus `lease_seconds`.
    ///
    /// # Errors
    /// [`super::MetadataError::Fenced`] when it was buried.
    pub async fn renew_incarnation(&self, incarnation: u32, lease_seconds: i64) -> Result<()> {
        todo!()
    }

    /// Buries one's own incarnation at a clean stop.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn end_incarnation(&self, incarnation: u32) -> Result<()> {
        todo!()
    }

    /// Buries every incarnation whose lease has run out and answers their numbers.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn bury_expired_incarnations(&self) -> Result<Vec<u32>> {
        todo!()
    }

    /// Every incarnation there ever was, ascending. A blob id above the highest means the database is older than the
    /// backends (it was restored): nothing may be collected then.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn incarnation_states(&self) -> Result<Vec<(u32, IncarnationState)>> {
        todo!()
    }
}
