//! Rebuilding the database from the backends, the configuration and the cluster key alone.
//!
//! 1. List every backend; blobs of the journal are known by their ids (`scan`, `journal/tag.rs`).
//! 2. Read them without the database (`blob`), choose the newest whole snapshot and the chain of segments after it (`records`).
//! 3. Apply both to the empty database in one transaction (`rows`, `metadata/journal/restore.rs`).
//! 4. What came after the journal's end is described by catalogs in the slivers: commit it like any write (`imports`, `late`).
//!
//! Nothing on the backends is changed.

mod blob;
mod imports;
mod late;
mod records;
mod report;
mod rows;
mod scan;
mod sliver_source;

use std::collections::HashSet;

use codec::{BlobId, ClusterId, ClusterKey};

pub use report::RecoveryReport;
pub use sliver_source::SliverSource;

use crate::domain::Heartbeat;
use crate::journal::tag::BlobPurpose;
use crate::metadata::{MetadataError, MetadataStore, RestoreError, RestoredEnd};
use crate::recover::records::{RecordReader, Slivers};
use crate::recover::rows::{Applied, RowsError, apply, unknown_tables};
use crate::recover::scan::scan;

/// Why a database could not be rebuilt. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// There is nothing to rebuild it from, or it cannot be read.
    #[error("{0}")]
    Nothing(String),
    /// The rows, or the database that is to have them.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The database.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

impl From<RowsError> for RecoveryError {
    fn from(error: RowsError) -> Self {
        match error {
            RowsError::Unreadable(reason) => Self::Nothing(reason),
            RowsError::Restore(error) => Self::Restore(error),
        }
    }
}

/// A recovery.
pub struct Recovery {
    /// The backends.
    pub sources: Vec<SliverSource>,
    /// Whose slivers are read.
    pub cluster: ClusterId,
    /// The keys that are at hand.
    pub key: ClusterKey,
    /// Rebuild the database as it was then, microseconds since 1970; as it was last when absent.
    pub until: Option<i64>,
}

/// What was rebuilt from, for what follows.
#[derive(Debug)]
pub struct Rebuilt {
    /// The report so far.
    pub report: RecoveryReport,
    taken_at: i64,
    deleted: HashSet<BlobId>,
}

impl Recovery {
    /// Rebuilds the rows of an empty database.
    ///
    /// # Errors
    /// See [`RecoveryError`]. Nothing was changed.
    pub async fn rebuild(&self, store: &MetadataStore) -> Result<Rebuilt, RecoveryError> {
        let found = scan(&self.sources, |blob| BlobPurpose::Journal.is_of(blob, &self.key)).await;
        let mut report = RecoveryReport { slivers_scanned: found.scanned, ..RecoveryReport::default() };
        report.unreachable =
            found.unreachable.into_iter().map(|(backend, reason)| format!("{backend}: {reason}")).collect();
        let slivers: Slivers = found.blobs;
        let reader = RecordReader { sources: &self.sources, cluster: self.cluster, key: &self.key, slivers: &slivers };
        let sources = reader.choose(self.until).await.map_err(|reason| {
            RecoveryError::Nothing(format!("{reason}; {} slivers were looked at", report.slivers_scanned))
        })?;
        report.snapshot_at = sources.snapshot.taken_at;
        report.snapshot_segment = sources.snapshot.after.number;
        report.segments = sources.segments.len() as u64;
        report.last_segment = sources.chain.end.number;
        report.segments_beyond_gap.clone_from(&sources.chain.beyond);
        let unreadable = sources.unreadable.iter();
        report.unreadable_records = unreadable.map(|(blob, reason)| format!("{blob}: {reason}")).collect();

        let sequence = self.highest_sequence().await;
        let mut restore = store.begin_restore().await?;
        let applied = apply(&mut restore, &reader, &sources, self.until).await?;
        let Applied { changes, last_at, deleted, .. } = applied;
        let unknown = restore.finish(RestoredEnd { end: sources.chain.end, sequence }).await?;
        report.unknown_tables = unknown_tables(unknown);
        report.changes = changes;
        report.journal_end_at = last_at;
        Ok(Rebuilt { report, taken_at: sources.snapshot.taken_at, deleted })
    }

    /// The highest number of a version that any backend has recorded.
    async fn highest_sequence(&self) -> u64 {
        let mut highest = 0;
        for source in &self.sources {
            let record = source.store.pulse().await.ok().and_then(|pulse| pulse.heartbeat);
            let heartbeat =
                record.and_then(|record| Heartbeat::from_record(&record, self.cluster, &source.id, &self.key).ok());
            highest = highest.max(heartbeat.map_or(0, |heartbeat| heartbeat.sequence));
        }
        highest
    }
}
