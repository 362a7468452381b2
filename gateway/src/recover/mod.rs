//! Rebuilding the database from the backends, the configuration and the cluster key alone.
//!
//! 1. List every backend; blobs of the journal are known by their ids (`scan`, `journal/tag.rs`).
//! 2. Read them without the database (`blob`), choose the newest whole snapshot and the chain of segments after it (`records`).
//! 3. Apply both to the empty database in one transaction (`rows`, `metadata/journal/restore.rs`).
//! 4. What came after the journal's end is described by catalogs in the slivers: commit it like any write (`imports`, `late`).
//!
//! Nothing on the backends is deleted. Before a database is rebuilt that is to count, they are taken from gateways on the old one (`takeover`).

mod blob;
mod imports;
mod late;
mod recorded;
mod records;
mod report;
mod rows;
mod scan;
mod sliver_source;
mod takeover;

use std::collections::HashSet;

use codec::{BlobId, ClusterId, ClusterKey};

pub use recorded::Recorded;
pub use report::{MissingSegments, RecoveryReport};
pub use sliver_source::SliverSource;
pub use takeover::Takeover;

use crate::journal::tag::BlobPurpose;
use crate::metadata::{MetadataError, MetadataStore, RestoreError, RestoredEnd};
use crate::recover::recorded::{highest_sequence, last_segment, recorded};
use crate::recover::records::{RecordReader, Sources};
use crate::recover::rows::{Applied, RowsError, apply, unknown_tables};
use crate::recover::scan::{Scan, scan};

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
    /// Rebuilds the rows of an empty database. `take_over` is called once it is known that there is something to rebuild it from, with what the
    /// backends have recorded: it takes them from gateways on the old database, and answers where that failed. A rehearsal takes nothing.
    ///
    /// # Errors
    /// See [`RecoveryError`]. The database was not changed.
    pub async fn rebuild(
        &self,
        store: &MetadataStore,
        take_over: impl AsyncFnOnce(&[Recorded]) -> Vec<String>,
    ) -> Result<Rebuilt, RecoveryError> {
        let mut found = self.find_records().await;
        let mut sources = self.choose(&found).await?;
        store.refuse_unless_empty().await?;
        let recorded = recorded(&self.sources, self.cluster, &self.key).await;
        let not_taken_over = take_over(&recorded).await;
        // What gateways on the old database wrote until they noticed.
        let again = self.find_records().await;
        if again.blobs != found.blobs {
            sources = self.choose(&again).await?;
            found = again;
        }
        let (last_recorded, by) = last_segment(&recorded);
        let mut report = report_of(&found, &sources);
        report.not_taken_over = not_taken_over;
        report.segments_missing = MissingSegments::between(report.last_segment, last_recorded, by);

        let mut restore = store.begin_restore().await?;
        let applied = apply(&mut restore, &self.reader(&found), &sources, self.until).await?;
        let Applied { changes, last_at, deleted, .. } = applied;
        // Gateways on the old database may have written more than was found.
        let segment = sources.chain.beyond.iter().copied().fold(report.last_segment.max(last_recorded), u64::max);
        let unknown = restore.finish(RestoredEnd { segment, sequence: highest_sequence(&recorded) }).await?;
        report.unknown_tables = unknown_tables(unknown);
        report.changes = changes;
        report.journal_end_at = last_at;
        Ok(Rebuilt { report, taken_at: sources.snapshot.taken_at, deleted })
    }

    /// The slivers of blobs of the journal.
    async fn find_records(&self) -> Scan {
        scan(&self.sources, |blob| BlobPurpose::Journal.is_of(blob, &self.key)).await
    }

    fn reader<'a>(&'a self, found: &'a Scan) -> RecordReader<'a> {
        RecordReader { sources: &self.sources, cluster: self.cluster, key: &self.key, found }
    }

    async fn choose(&self, found: &Scan) -> Result<Sources, RecoveryError> {
        let nothing = |reason| RecoveryError::Nothing(format!("{reason}; {} slivers were looked at", found.scanned));
        self.reader(found).choose(self.until).await.map_err(nothing)
    }
}

/// What is known before anything was applied.
fn report_of(found: &Scan, sources: &Sources) -> RecoveryReport {
    let unreachable = found.unreachable.iter().map(|(backend, reason)| format!("{backend}: {reason}"));
    let unreadable = sources.unreadable.iter().map(|(blob, reason)| format!("{blob}: {reason}"));
    RecoveryReport {
        slivers_scanned: found.scanned,
        unreachable: unreachable.collect(),
        snapshot_at: sources.snapshot.taken_at,
        snapshot_segment: sources.snapshot.after.number,
        segments: sources.segments.len() as u64,
        unfinished_segments: (sources.chain.segments.len() - sources.segments.len()) as u64,
        last_segment: sources.chain.end.number,
        segments_beyond_gap: sources.chain.beyond.clone(),
        unreadable_records: unreadable.collect(),
        ..RecoveryReport::default()
    }
}
