//! Writes snapshots of the metadata to the backends, and gives up segments and snapshots that nobody needs any more.

use crate::journal::line::JournalLine;
use crate::journal::record::{RecordHeader, RecordWriter, SnapshotTaken};
use crate::metadata::{DumpedMoment, NewRecord, RecordKind};
use crate::objects::Objects;
use crate::objects::error::ObjectsError;
use crate::objects::journaling::segments::RECORD_BYTES;
use crate::objects::journaling::terms::{self, JournalLength};
use crate::objects::write::uncommitted::UncommittedSlivers;

/// Snapshots that are looked at, and records that are given up, in one step.
const STEP: usize = 100;

impl Objects {
    /// Writes the first snapshot of a database that holds nothing yet, before it holds anything: from then on it can be rebuilt. That of a
    /// database which an earlier release has filled may take long, and is written in the background.
    ///
    /// # Errors
    /// `Unavailable` when the database or too many backends are unavailable; it is written later.
    pub async fn begin_journal(&self) -> Result<(), ObjectsError> {
        let metadata = &self.inner.metadata;
        if metadata.has_buckets().await? || !metadata.newest_records(RecordKind::Snapshot, 1).await?.is_empty() {
            return Ok(());
        }
        self.maintain_snapshots().await.map(drop)
    }

    /// Writes a snapshot of all rows if one is due, and gives up what is no longer needed; whether there may be more to do.
    ///
    /// # Errors
    /// `Unavailable` when the database or too many backends are unavailable.
    pub async fn maintain_snapshots(&self) -> Result<bool, ObjectsError> {
        let metadata = &self.inner.metadata;
        if metadata.is_behind_journal() {
            return Ok(false);
        }
        let now = metadata.database_time().await?.0;
        let snapshots = metadata.newest_records(RecordKind::Snapshot, STEP).await?;
        let (segments, bytes) = metadata.segments_after(snapshots.first().map_or(0, |last| last.number)).await?;
        let length = JournalLength { segments, bytes };
        let settings = &self.inner.settings.journal;
        if terms::is_snapshot_due(settings, snapshots.first(), length, now) && self.may_write().await? {
            return self.write_snapshot().await;
        }
        // What is given up might be needed while nobody has said which database counts.
        let outdated = terms::outdated(settings, &snapshots, now);
        let Some(outdated) = outdated else { return Ok(false) };
        if self.rollback_hold().await?.is_some() {
            return Ok(false);
        }
        let before = outdated.written_before;
        let gone = metadata.forget_records(RecordKind::Snapshot, outdated.snapshots_below, before, STEP).await?
            + metadata.forget_records(RecordKind::Segment, outdated.segments_below, before, STEP).await?;
        Ok(gone >= STEP)
    }

    /// Writes a snapshot now, whichever gateway writes the journal: it is of one moment, and needs no turn. False when too much waits for the
    /// journal.
    ///
    /// # Errors
    /// `Unavailable` when the database or too many backends are unavailable.
    pub async fn renew_snapshot(&self) -> Result<bool, ObjectsError> {
        self.write_snapshot().await
    }

    async fn write_snapshot(&self) -> Result<bool, ObjectsError> {
        if !self.lacks_base().await? {
            // So that little waits for the journal at that moment.
            self.write_journal().await?;
        }
        self.write_rows().await
    }

    /// Whether segments would follow from nothing: the database was rebuilt or confirmed, so that the journal goes on with other numbers, and
    /// nothing was written since. A database that never had a snapshot is written in the background, however long it takes.
    pub(super) async fn lacks_base(&self) -> Result<bool, ObjectsError> {
        let metadata = &self.inner.metadata;
        if metadata.journal_end().await?.number == 0 {
            return Ok(false);
        }
        for kind in [RecordKind::Snapshot, RecordKind::Segment] {
            if !metadata.newest_records(kind, 1).await?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes all rows, as they are at one moment, in parts; false when too much waits for the journal.
    pub(super) async fn write_rows(&self) -> Result<bool, ObjectsError> {
        let Some((moment, mut dump)) = self.inner.metadata.dump().await? else { return Ok(false) };
        let DumpedMoment { after, taken_at, included } = moment;
        let taken = SnapshotTaken { snapshot: self.inner.id_generator.salt(), after, taken_at, included };
        let (mut blobs, mut uncommitted) = (Vec::new(), UncommittedSlivers::default());
        let mut is_last = false;
        while !is_last {
            let part = u32::try_from(blobs.len()).map_err(|_| ObjectsError::TooLarge)?;
            let mut rows = Vec::new();
            let mut held = 0;
            while held < RECORD_BYTES && !is_last {
                match dump.next().await? {
                    Some(page) => {
                        held += page.rows.len();
                        rows.push(page);
                    }
                    None => is_last = true,
                }
            }
            let header = RecordHeader::snapshot(&taken, part, is_last);
            let pack = move || {
                let mut writer = RecordWriter::new(&header)?;
                for page in rows {
                    writer.line(&JournalLine::new(0, taken_at, &page.relation, "[]", &page.rows)?)?;
                }
                writer.finish()
            };
            let record = self.inner.compute.run(pack).await??;
            let (blob, slivers) = self.put_record(record.bytes).await?;
            blobs.push(blob);
            uncommitted.join(slivers);
        }
        let (kind, id) = (RecordKind::Snapshot, self.record_id());
        let parts = blobs.len();
        let record =
            NewRecord { kind, id, blobs, end: None, changes: Vec::new(), unfinished: None, after: after.number };
        let added = self.add(record, uncommitted).await?;
        tracing::info!(segment = after.number, parts, "a snapshot of the metadata is on the backends");
        Ok(added)
    }
}
