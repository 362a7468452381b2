//! The shared state of the use cases.

use std::collections::BTreeMap;
use std::sync::Arc;

use codec::{ClusterId, ClusterKey, Scheme};
use moka::sync::Cache;

use crate::clock::Ambient;
use crate::domain::ObjectAttributes;
use crate::metadata::MetadataStore;
use crate::objects::budget::ByteBudget;
use crate::objects::committee::Committee;
use crate::objects::compute::Compute;
use crate::objects::encryption::key_provider::KeyProvider;
use crate::objects::id_generator::IdGenerator;
use crate::objects::maintenance::findings::Noticed;
use crate::objects::read::opened_blob::OpenedBlob;
use crate::objects::reporting::access_log::AccessLog;
use crate::objects::reporting::meter::Meters;
use crate::objects::write::quilter::Quilter;

/// Numbers an operator may tune.
#[derive(Clone, Copy, Debug)]
pub struct ObjectsSettings {
    /// Most content of one blob, in bytes.
    pub blob_bytes_max: u64,
    /// Objects up to this size share quilts, in bytes.
    pub quilt_object_bytes_max: u64,
    /// Most content of one quilt, in bytes.
    pub quilt_bytes_max: u64,
    /// Longest linger before a quilt is sealed, in microseconds; a lone writer never waits.
    pub quilt_linger_us_max: u64,
    /// Bytes all requests together may hold: one half for writes, the other for reads.
    pub memory_bytes: u64,
    /// Largest object, in bytes.
    pub object_bytes_max: u64,
}

impl Default for ObjectsSettings {
    fn default() -> Self {
        Self {
            blob_bytes_max: 64 << 20,
            quilt_object_bytes_max: 1 << 20,
            quilt_bytes_max: 16 << 20,
            quilt_linger_us_max: 2_000,
            memory_bytes: 288 << 20,
            object_bytes_max: 5 << 40,
        }
    }
}

/// Everything the use cases are made of.
#[derive(Debug)]
pub struct ObjectsParts {
    /// The rows.
    pub metadata: MetadataStore,
    /// The slivers.
    pub committee: Committee,
    /// How new blobs are coded.
    pub scheme: Scheme,
    /// How blobs of other storage classes are coded, by name.
    pub classes: BTreeMap<String, Scheme>,
    /// The cluster the slivers belong to.
    pub cluster: ClusterId,
    /// Wraps the blobs' data keys.
    pub key: ClusterKey,
    /// This run of this gateway, as the database numbered it.
    pub incarnation: u32,
    /// Clock and randomness.
    pub ambient: Ambient,
    /// Who codes and digests.
    pub compute: Compute,
    /// Who wraps the data keys of SSE-KMS.
    pub key_provider: Arc<dyn KeyProvider>,
    /// Tuning.
    pub settings: ObjectsSettings,
}

/// The shared state behind [`super::Objects`].
pub(crate) struct Inner {
    pub(crate) metadata: MetadataStore,
    pub(crate) committee: Committee,
    pub(crate) scheme: Scheme,
    classes: BTreeMap<String, Scheme>,
    pub(crate) id_generator: IdGenerator,
    pub(crate) compute: Compute,
    pub(crate) key_provider: Arc<dyn KeyProvider>,
    /// Memory of writes.
    pub(crate) budget: ByteBudget,
    /// Memory of reads, apart: clients that read slowly must not keep others from writing.
    pub(crate) read_budget: ByteBudget,
    pub(crate) settings: ObjectsSettings,
    pub(crate) meters: Meters,
    pub(crate) access_log: AccessLog,
    /// Blobs with their data keys unwrapped. Blobs are immutable; a moved sliver only makes an entry incomplete,
    /// and a read that fails drops it.
    pub(crate) opened: Cache<codec::BlobId, Arc<OpenedBlob>>,
    pub(crate) quilter: Quilter,
    pub(crate) noticed: Noticed,
}

/// Blobs kept open. An entry takes about 1.5 KiB at six slivers.
const OPENED_BLOBS_MAX: u64 = 8_192;

impl Inner {
    /// How blobs of an object with these attributes are coded. A class that is no longer configured is coded like STANDARD.
    pub(crate) fn scheme_for(&self, attributes: &ObjectAttributes) -> Scheme {
        let class = attributes.storage_class.as_ref().and_then(|class| self.classes.get(class));
        class.copied().unwrap_or(self.scheme)
    }

    /// Builds the state and starts the quilter's task.
    pub(crate) fn start(parts: ObjectsParts) -> Arc<Self> {
        let id_generator = IdGenerator::new(parts.cluster, parts.key, parts.incarnation, parts.ambient);
        let (quilter, patches) = Quilter::new(&parts.settings);
        let inner = Arc::new(Self {
            metadata: parts.metadata,
            committee: parts.committee,
            scheme: parts.scheme,
            classes: parts.classes,
            id_generator,
            compute: parts.compute,
            key_provider: parts.key_provider,
            budget: ByteBudget::new(parts.settings.memory_bytes / 2),
            read_budget: ByteBudget::new(parts.settings.memory_bytes / 2),
            settings: parts.settings,
            meters: Meters::default(),
            access_log: AccessLog::default(),
            opened: Cache::new(OPENED_BLOBS_MAX),
            quilter,
            noticed: Noticed::default(),
        });
        crate::objects::write::quilter::spawn(Arc::downgrade(&inner), patches);
        inner
    }
}
