//! Writes segments of the journal to the backends. JOURNAL.md says what they hold, `metadata/journal` what the database knows of them.

use std::time::Duration;

use codec::Catalog;
use tokio::time::Instant;

use crate::domain::StoredBlob;
use crate::journal::record::{JournalEnd, RecordError, write_segment};
use crate::metadata::{ExtentOwner, NewBlob, NewRecord, RecordKind, Unjournaled};
use crate::objects::Objects;
use crate::objects::error::ObjectsError;
use crate::objects::journaling::terms;
use crate::objects::schemes::BlobTerms;
use crate::objects::write::publish::publish;
use crate::objects::write::quilter::quilt_shape;
use crate::objects::write::uncommitted::UncommittedSlivers;

/// Bytes of changes that one segment holds, and one part of a snapshot, before they are packed.
pub(super) const RECORD_BYTES: usize = 8 << 20;
/// Changes of one segment. On SQLite each is one changed row, on PostgreSQL all that one statement changed.
const CHANGES_MAX: usize = 10_000;
/// How long one gateway writes the journal before another may take over.
const LEASE_SECONDS: i64 = 15;
/// The lease's name.
const TASK: &str = "journal";
/// How long a change waits for the journal before its caller is answered that it may not be in it.
const AWAIT: Duration = Duration::from_secs(20);
/// How often it is looked whether another gateway has written it.
const LOOK: Duration = Duration::from_millis(40);

/// Why nothing is changed while the database is older than its journal.
pub const READ_ONLY: &str = "The metadata database is older than its journal on the backends, or another one was rebuilt from them, so nothing \
                             is changed. The operator rebuilds it with `haulout recover`, or says with `haulout database confirm` that it counts.";

impl From<RecordError> for ObjectsError {
    fn from(error: RecordError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl Objects {
    /// Whether the database was found to be older than its journal on the backends: then nothing is written, because nobody knows what it
    /// would replace.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.inner.metadata.is_behind_journal()
    }

    /// How long after its commit a change is written to the backends; zero where writes wait for it.
    #[must_use]
    pub fn journal_lag(&self) -> Duration {
        let is_billed = self.inner.committee.backends().iter().any(|backend| backend.is_billed);
        terms::lag(&self.inner.settings.journal, is_billed)
    }

    /// Writes what was committed and no segment holds yet; whether anything was there and all of it is written. One gateway at a time does so.
    ///
    /// # Errors
    /// `Unavailable` when the database or too many backends are unavailable; it is written later.
    pub async fn write_journal(&self) -> Result<bool, ObjectsError> {
        match self.inner.metadata.last_unjournaled().await? {
            Some(upto) => self.write_up_to(upto).await,
            None => Ok(false),
        }
    }

    /// Writes segments until they hold all changes up to a number, whatever comes meanwhile; whether they do. False when another gateway
    /// writes the journal.
    async fn write_up_to(&self, upto: i64) -> Result<bool, ObjectsError> {
        loop {
            // Given back after each segment: those that waited for it may find that it held theirs.
            let _writing = self.inner.journal.lock().await;
            if self.inner.metadata.is_journaled(upto).await? {
                return Ok(true);
            }
            if !self.write_next().await? {
                return Ok(false);
            }
        }
    }

    /// Writes the next segment; false when another gateway does.
    async fn write_next(&self) -> Result<bool, ObjectsError> {
        let metadata = &self.inner.metadata;
        // One that is older than its journal would write other segments under the numbers of those that are there.
        if metadata.is_behind_journal() || !self.may_write().await? {
            return Ok(false);
        }
        if self.lacks_base().await? && self.write_rows().await? {
            return Ok(true);
        }
        let end = metadata.journal_end().await?;
        let waiting = metadata.unjournaled_changes(CHANGES_MAX, RECORD_BYTES).await?;
        if waiting.lines.is_empty() {
            return Ok(true);
        }
        self.write_one(end, waiting).await
    }

    /// Whether this gateway is the one that writes the journal.
    pub(super) async fn may_write(&self) -> Result<bool, ObjectsError> {
        if !self.inner.metadata.is_shared() {
            return Ok(true);
        }
        let held = self.inner.metadata.acquire_leased_task::<()>(TASK, self.incarnation(), LEASE_SECONDS).await?;
        Ok(held.is_some())
    }

    async fn write_one(&self, end: JournalEnd, waiting: Unjournaled) -> Result<bool, ObjectsError> {
        let Unjournaled { lines, unfinished } = waiting;
        let changes = lines.iter().map(|line| line.id).collect();
        let written = self.inner.compute.run(move || write_segment(end, &lines, unfinished.is_some()));
        let record = written.await??;
        let next = JournalEnd { number: end.number + 1, hash: record.hash };
        let (blob, uncommitted) = self.put_record(record.bytes).await?;
        let (kind, id) = (RecordKind::Segment, self.record_id());
        let record = NewRecord { kind, id, blobs: vec![blob], end: Some((end, next)), changes, unfinished, after: 0 };
        self.add(record, uncommitted).await
    }

    pub(super) fn record_id(&self) -> ExtentOwner {
        ExtentOwner(self.inner.id_generator.version().0)
    }

    pub(super) async fn add(&self, record: NewRecord, uncommitted: UncommittedSlivers) -> Result<bool, ObjectsError> {
        let sent = uncommitted.sent();
        let added = self.inner.metadata.add_record(self.incarnation(), record).await;
        sent.settle(&added, |added| *added);
        Ok(added?)
    }

    /// Codes a record and puts its slivers.
    pub(super) async fn put_record(&self, content: Vec<u8>) -> Result<(NewBlob, UncommittedSlivers), ObjectsError> {
        let inner = &self.inner;
        let terms = BlobTerms { scheme: inner.schemes.standard, rule: None };
        let shape = quilt_shape(terms.scheme, content.len());
        let identity = inner.id_generator.journal_blob();
        let (cluster, id, wrapped) = (inner.id_generator.cluster, identity.id, identity.wrapped);
        let encode = move || {
            let keys = codec::BlobKeys { key: &identity.key, wrapped };
            codec::encode_blob_parts(cluster, id, shape, keys, &[&content], &Catalog { entries: Vec::new() }.encode())
        };
        let encoded = inner.compute.run(encode).await?.map_err(|error| ObjectsError::Internal(error.to_string()))?;
        let (layout, wrapped_key) = (encoded.layout, wrapped);
        let blob = StoredBlob { id, layout, wrapped_key, rewrapped_key: None, placements: Vec::new() };
        publish(&inner.committee, &inner.id_generator, &terms, blob, encoded).await
    }

    /// The same, if what was committed is `guarded`: it has a lock or an access list, which nothing but the journal would know.
    ///
    /// # Errors
    /// See [`Objects::await_journal`].
    pub(in crate::objects) async fn await_journal_if(&self, guarded: bool) -> Result<(), ObjectsError> {
        if guarded { self.await_journal().await } else { Ok(()) }
    }

    /// Returns when all that was committed before the call is in the journal.
    ///
    /// # Errors
    /// `Unavailable` when it is not within some seconds: what was committed stands, and could be lost with the database.
    pub async fn await_journal(&self) -> Result<(), ObjectsError> {
        let Some(upto) = self.inner.metadata.last_unjournaled().await? else { return Ok(()) };
        let deadline = Instant::now() + AWAIT;
        loop {
            let written = tokio::time::timeout_at(deadline, self.write_up_to(upto)).await;
            match written {
                Ok(Ok(true)) => return Ok(()),
                Ok(Ok(false)) => tokio::time::sleep(LOOK).await,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the journal could not be written; retrying");
                    tokio::time::sleep(10 * LOOK).await;
                }
                Err(_) => {}
            }
            if Instant::now() >= deadline {
                let reason = "the change was made and is not in the journal yet: repeat it when the backends are back";
                return Err(ObjectsError::Unavailable(reason.to_owned()));
            }
        }
    }
}
