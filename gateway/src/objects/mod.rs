//! The use cases of objects: put, get, copy, multipart, delete, and their maintenance.
//!
//! ARCHITECTURE.md walks through PUT, GET, delete and collection step by step; each step names its file here.
//!
//! - in: [`body`](IncomingBody) -> `store`: `source` -> `ingest` -> `quilter` (small, together) or `streaming` -> `sink` -> `fanout` (large)
//! - out: `object_reader` -> `read_steps` -> `fetch` -> `gather`
//! - names and keys: `id_generator`; memory: `budget`, `waiting_line`; threads: `compute`, `digest_queue`; what a failed write leaves: `uncommitted`

mod budget;
mod committee;
mod compute;
mod digests;
mod edit;
mod encryption;
mod error;
mod id_generator;
mod journaling;
mod maintenance;
mod moving;
mod multipart;
mod read;
mod reporting;
mod requests;
mod schemes;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod waiting_line;
mod write;

use std::sync::Arc;

use codec::BlobOpener;

pub use budget::{ByteBudget, Growing};
pub use committee::{Backend, Committee, VettingTerms};
pub use compute::Compute;
pub use digests::digest::{Digested, Digests};
pub use encryption::data_key::DataKey;
pub use encryption::encryption_key::{EncryptionKey, KeyChoice, Opener};
pub use encryption::key_file::KeyFile;
pub use encryption::key_provider::{KeyProvider, KeyProviderError, NoKeyProvider};
pub use encryption::rewrap::Rewrapped;
pub use error::ObjectsError;
pub(crate) use error::fail_at;
pub use journaling::segments::READ_ONLY;
pub use maintenance::drain::DrainPlan;
pub use maintenance::heartbeats::{HeartbeatRound, HeartbeatSettings, Heartbeats};
pub use maintenance::orphans::OrphanReport;
pub use maintenance::trust::Trust;
pub use moving::held::Held;
pub use moving::rebalance::{BackendFlow, RebalanceStep, RebalanceTotals};
pub use moving::repair_meter::RepairRate;
pub use moving::rules::MisplacedStep;
pub use read::object_reader::ObjectReader;
pub use read::read_epochs::OngoingRead;
pub use read::revocation::Revocation;
pub use requests::{
    Amend, AmendedAttribute, ChosenPart, ClaimedChecksum, CompleteUpload, Copy, CopyPart, CreateUpload, Delete, Put,
    PutPart, Stored, WrittenPart,
};
pub use settings::ObjectsSettings;
pub use state::ObjectsParts;
pub use waiting_line::WaitingLine;
pub use write::body::{BodyPromise, BytesBody, IncomingBody};
pub use write::body_error::BodyError;

use crate::domain::{
    Bucket, BucketId, ObjectKey, StoredBlob, Timestamp, UsageDelta, Version, VersionLookup, VersionPart,
    VersionSelector,
};

/// Gives what opens the chunks of a blob; none where its key is not known.
pub type OpenBlob = Arc<dyn Fn(&StoredBlob) -> Option<BlobOpener> + Send + Sync>;

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

    /// Begins a read, before it is looked up what there is to read: until it is dropped, what lived then can be read, even where
    /// space is short. Otherwise that is so for the grace of dead blobs.
    #[must_use]
    pub fn begin_read(&self) -> OngoingRead {
        self.inner.read_epochs.begin_read()
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

    /// What opens the chunks of a blob, for who reads slivers past [`Objects`]; none of a blob whose key is not known.
    #[must_use]
    pub fn opener(&self) -> OpenBlob {
        let inner = Arc::clone(&self.inner);
        Arc::new(move |blob| inner.opener(blob).ok())
    }

    /// The cluster that the slivers belong to.
    #[must_use]
    pub fn cluster(&self) -> codec::ClusterId {
        self.inner.id_generator.cluster
    }

    /// The backends, for operators and health.
    #[must_use]
    pub fn committee(&self) -> &Committee {
        &self.inner.committee
    }
}
