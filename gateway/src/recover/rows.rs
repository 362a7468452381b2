//! Applies a snapshot and the journal after it to an empty database.

use std::collections::{BTreeMap, HashSet};

use codec::BlobId;
use serde::Deserialize;

use crate::journal::ledger_relations::is_of_ledger;
use crate::journal::line::JournalLine;
use crate::journal::record::{RecordHeader, read_record};
use crate::journal::whole::TransactionEnds;
use crate::metadata::{Restore, RestoreError};
use crate::recover::records::{RecordReader, Sources};

/// What was applied.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// Rows of the snapshot's lines, by table.
    pub(super) lines: u64,
    /// Changes of the journal.
    pub(super) changes: u64,
    /// When the last of them was recorded.
    pub(super) last_at: i64,
    /// Blobs that were deleted after the snapshot: what is left of them on the backends does not come back.
    pub(super) deleted: HashSet<BlobId>,
}

/// Why a record could not be applied.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowsError {
    #[error("{0}")]
    Unreadable(String),
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

/// Applies everything, with `until` the transactions that had ended then; the ledger, which others have seen, never goes back.
pub(super) async fn apply(
    restore: &mut Restore,
    reader: &RecordReader<'_>,
    sources: &Sources,
    until: Option<i64>,
) -> Result<Applied, RowsError> {
    let mut applied = Applied { last_at: sources.snapshot.taken_at, ..Applied::default() };
    for part in &sources.snapshot.parts {
        for line in lines(reader, *part).await? {
            restore.apply(&line).await?;
            applied.lines += 1;
        }
    }
    let included: HashSet<i64> = sources.snapshot.included.iter().copied().collect();
    for segment in &sources.segments {
        let lines = lines(reader, segment.blob).await?;
        let ends = TransactionEnds::of(segment.whole, &lines);
        for line in lines {
            if included.contains(&line.id) {
                continue;
            }
            if until.is_some_and(|until| ends.end_of(&line) > until) && !is_of_ledger(&line.relation) {
                continue;
            }
            restore.apply(&line).await?;
            applied.changes += 1;
            applied.last_at = applied.last_at.max(line.at);
            note_deleted(&line, &mut applied.deleted)?;
        }
    }
    Ok(applied)
}

/// The lines of a record. One record is held in memory at a time.
async fn lines(reader: &RecordReader<'_>, id: BlobId) -> Result<Vec<JournalLine>, RowsError> {
    let content = reader.content(id).await.map_err(RowsError::Unreadable)?;
    let mut lines = Vec::new();
    let each = |line| {
        lines.push(line);
        Ok::<_, crate::journal::record::RecordError>(())
    };
    let read: Result<(RecordHeader, _), _> = read_record(&content, each);
    read.map_err(|error| RowsError::Unreadable(error.to_string()))?;
    Ok(lines)
}

#[derive(Deserialize)]
struct BlobKey {
    id: String,
}

fn note_deleted(line: &JournalLine, deleted: &mut HashSet<BlobId>) -> Result<(), RowsError> {
    if line.relation != "blob" {
        return Ok(());
    }
    let keys: Vec<BlobKey> =
        serde_json::from_str(line.removed.get()).map_err(|error| RowsError::Unreadable(error.to_string()))?;
    for key in keys {
        let mut id = [0; 16];
        hex::decode_to_slice(key.id.trim_start_matches("\\x"), &mut id)
            .map_err(|error| RowsError::Unreadable(format!("a deleted blob: {error}")))?;
        deleted.insert(BlobId(id));
    }
    Ok(())
}

/// How many lines were about tables that this release does not have, for the report.
pub(super) fn unknown_tables(unknown: BTreeMap<String, u64>) -> Vec<String> {
    unknown.into_iter().map(|(table, lines)| format!("{table}: {lines} changes")).collect()
}
