//! The shared state of the use cases.

use std::collections::BTreeMap;
use std::sync::Arc;

use codec::{ClusterId, ClusterKey, Scheme};
use moka::sync::Cache;

use crate::clock::Ambient;
use crate::metadata::MetadataStore;
use crate::objects::budget::ByteBudget;
use crate::objects::committee::Committee;
use crate::objects::compute::Compute;
use crate::objects::encryption::key_provider::KeyProvider;
use crate::objects::id_generator::IdGenerator;
use crate::objects::maintenance::early_progress::EarlyProgress;
use crate::objects::maintenance::finding_queue::FindingQueue;
use crate::objects::maintenance::noticed::Noticed;
use crate::objects::moving::discard_pauses::DiscardPauses;
use crate::objects::moving::pace::BytePace;
use crate::objects::moving::repair_meter::RepairMeter;
use crate::objects::moving::repair_pace::RepairPace;
use crate::objects::read::opened_blob::OpenedBlob;
use crate::objects::read::read_epochs::ReadEpochs;
use crate::objects::read::read_memory::ReadMemory;
use crate::objects::reporting::access_log_buffer::AccessLogBuffer;
use crate::objects::reporting::meter::Meters;
use crate::objects::schemes::Schemes;
use crate::objects::settings::ObjectsSettings;
use crate::objects::write::quilter::{QuiltWriter, Quilter};

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
    pub(crate) committee: Arc<Committee>,
    pub(crate) schemes: Arc<Schemes>,
    pub(crate) id_generator: Arc<IdGenerator>,
    pub(crate) compute: Compute,
    pub(crate) key_provider: Arc<dyn KeyProvider>,
    /// Memory of writes.
    pub(crate) budget: ByteBudget,
    /// Memory of reads, apart: clients that read slowly must not keep others from writing.
    pub(crate) read_memory: Arc<ReadMemory>,
    pub(crate) settings: ObjectsSettings,
    pub(crate) meters: Meters,
    pub(crate) access_log: AccessLogBuffer,
    /// Blobs with their data keys unwrapped. Blobs are immutable; a moved sliver only makes an entry incomplete,
    /// and a read that fails drops it.
    pub(crate) opened: Cache<codec::BlobId, Arc<OpenedBlob>>,
    pub(crate) quilter: Quilter,
    pub(crate) noticed: Noticed,
    pub(crate) findings: FindingQueue,
    pub(crate) read_epochs: ReadEpochs,
    /// What goes before its grace is over, because space is short.
    pub(crate) early_progress: tokio::sync::Mutex<EarlyProgress>,
    /// How fast slivers are moved that nothing endangers.
    pub(crate) move_pace: BytePace,
    /// Of what is rebuilt.
    pub(crate) rebuild_pace: BytePace,
    /// Backends that did not answer when replaced slivers were to be deleted there.
    pub(crate) discard_pauses: DiscardPauses,
    /// How long repair pauses while requests are under way.
    pub(crate) repair_pace: RepairPace,
    /// How fast repair was lately.
    pub(crate) repair_meter: RepairMeter,
    /// Held by whoever writes the journal.
    pub(crate) journal: tokio::sync::Mutex<()>,
}

/// Blobs kept open. An entry takes about 1.5 KiB at six slivers.
const OPENED_BLOBS_MAX: u64 = 8_192;

impl Inner {
    /// Builds the state and starts the quilter's task.
    pub(crate) fn start(parts: ObjectsParts) -> Arc<Self> {
        let ObjectsParts { metadata, scheme, compute, settings, .. } = parts;
        let id_generator = IdGenerator::new(parts.cluster, parts.key, parts.incarnation, parts.ambient);
        let (id_generator, committee) = (Arc::new(id_generator), Arc::new(parts.committee));
        let schemes = Arc::new(Schemes::new(scheme, parts.classes));
        let writer = QuiltWriter {
            metadata: metadata.clone(),
            committee: Arc::clone(&committee),
            id_generator: Arc::clone(&id_generator),
            compute: compute.clone(),
        };
        let noticed = Noticed::default();
        Arc::new(Self {
            findings: FindingQueue::start(metadata.clone(), noticed.filed.clone()),
            metadata,
            committee,
            schemes,
            id_generator,
            compute,
            key_provider: parts.key_provider,
            budget: ByteBudget::new(settings.memory_bytes / 2),
            read_memory: Arc::new(ReadMemory::new(settings.memory_bytes / 2)),
            meters: Meters::default(),
            access_log: AccessLogBuffer::default(),
            opened: Cache::new(OPENED_BLOBS_MAX),
            quilter: Quilter::start(&settings, writer),
            move_pace: BytePace::new(settings.objects.move_bytes_per_second),
            rebuild_pace: BytePace::new(settings.objects.repair_bytes_per_second),
            discard_pauses: DiscardPauses::default(),
            repair_pace: RepairPace::default(),
            repair_meter: RepairMeter::default(),
            journal: tokio::sync::Mutex::default(),
            settings,
            noticed,
            read_epochs: ReadEpochs::default(),
            early_progress: tokio::sync::Mutex::default(),
        })
    }
}
