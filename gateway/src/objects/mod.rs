//! The use cases of objects: put, get, copy, multipart, delete, and their maintenance.
//!
//! ARCHITECTURE.md walks through PUT, GET, delete and collection step by step; each step names its file here.
//!
//! - in: [`body`](IncomingBody) -> `store`: `source` -> `ingest` -> `quilter` (small, together) or `streaming` -> `sink` -> `fanout` (large)
//! - out: `read` -> `fetch` -> `gather`
//! - names and keys: `id_generator`; memory: `budget`; threads: `compute`, `digest_queue`; what a failed write leaves: `uncommitted`

mod access_log;
mod amend;
mod append;
mod body;
mod budget;
mod catalog_entry;
mod combine;
mod committee;
mod compact;
mod complete;
mod compute;
mod content;
mod content_md5;
mod copy;
mod data_key;
mod delete;
mod digest;
mod digest_queue;
mod error;
mod fanout;
mod fetch;
mod findings;
mod frames;
mod gather;
mod gathering;
mod heartbeats;
mod hold;
mod id_generator;
mod ingest;
mod inventory;
mod key_file;
mod key_provider;
mod latency;
mod lifecycle;
mod meter;
mod notifications;
mod opened;
mod orphans;
mod part;
mod put;
mod quilter;
mod read;
mod rebuild;
mod reclaim;
mod rename;
mod repair;
mod requests;
mod rewrap;
mod sink;
mod source;
mod state;
mod store;
mod stragglers;
mod streaming;
#[cfg(test)]
mod tests;
mod throttle;
mod transition;
mod trust;
mod uncommitted;

use std::sync::Arc;

pub use body::{BodyError, BodyPromise, BytesBody, IncomingBody};
pub use budget::{ByteBudget, Growing};
pub use committee::{Backend, Committee};
pub use compute::Compute;
pub use content::{EncryptionKey, KeyChoice};
pub use data_key::DataKey;
pub use digest::{Digested, Digests};
pub use error::ObjectsError;
pub use heartbeats::{HeartbeatPeriods, HeartbeatRound, Heartbeats};
pub use key_file::KeyFile;
pub use key_provider::{KeyProvider, KeyProviderError, NoKeyProvider};
pub use orphans::OrphanReport;
pub use read::ObjectReader;
pub use requests::{
    Amend, AmendedAttribute, ChosenPart, CompleteUpload, Copy, CopyPart, CreateUpload, Delete, Put, PutPart, Stored,
};
pub use rewrap::Rewrapped;
pub use state::{ObjectsParts, ObjectsSettings};
pub use trust::Trust;

use crate::domain::{
    Bucket, BucketId, ObjectKey, Timestamp, UsageDelta, Version, VersionLookup, VersionPart, VersionSelector,
};

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Objects {
    pub(crate) inner: Arc<state::Inner>,
}

impl Objects {
    /// Starts the use cases on these parts. Must be called within a tokio runtime.
    #[must_use]
    pub fn new(parts: ObjectsParts) -> Self {
        Self { inner: state::Inner::start(parts) }
    }

    /// The current version of a key.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn current(&self, bucket: &Bucket, key: &ObjectKey) -> Result<Option<Arc<Version>>, ObjectsError> {
        Ok(self.inner.metadata.current(bucket.id, key).await?)
    }

    /// What a key holds where the selector points.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn find(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        selector: VersionSelector,
    ) -> Result<VersionLookup, ObjectsError> {
        Ok(self.inner.metadata.find(bucket.id, key, selector).await?)
    }

    /// The parts of a version that was uploaded in parts; empty for others.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn version_parts(&self, version: &Version) -> Result<Vec<VersionPart>, ObjectsError> {
        if version.etag.parts.is_none() {
            return Ok(Vec::new());
        }
        Ok(self.inner.metadata.version_parts(&version.id).await?)
    }

    /// Adds to a bucket's meters, in memory; a worker flushes them.
    pub fn meter(&self, bucket: BucketId, delta: UsageDelta) {
        self.inner.meters.add(bucket, &delta);
    }

    /// Flushes the meters to the database.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable; what was metered is kept for the next time.
    pub async fn flush_meters(&self) -> Result<(), ObjectsError> {
        let usage = self.inner.meters.take();
        if usage.is_empty() {
            return Ok(());
        }
        let written = self.inner.metadata.add_usage(self.inner.id_generator.incarnation(), usage.clone()).await;
        if written.is_err() {
            usage.iter().for_each(|(bucket, delta)| self.inner.meters.add(*bucket, delta));
        }
        Ok(written?)
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.id_generator.now()
    }

    /// This run of this gateway, as the database numbered it.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        self.inner.id_generator.incarnation()
    }

    /// The backends, for operators and health.
    #[must_use]
    pub fn committee(&self) -> &Committee {
        &self.inner.committee
    }
}
