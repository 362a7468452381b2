//! What a recovery did, or would do.

use serde::Serialize;

/// The report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RecoveryReport {
    /// Slivers looked at on all backends.
    pub slivers_scanned: u64,
    /// Backends that could not be listed to the end, and why: what is only there is not in the result.
    pub unreachable: Vec<String>,
    /// Backends that could not be taken from gateways on the old database, and why: stop those before a gateway is started on the new one.
    pub not_taken_over: Vec<String>,
    /// When the snapshot was taken, microseconds since 1970.
    pub snapshot_at: i64,
    /// The last segment before the snapshot.
    pub snapshot_segment: u64,
    /// Segments of the journal after it that were applied.
    pub segments: u64,
    /// Changes in them.
    pub changes: u64,
    /// The journal's last segment.
    pub last_segment: u64,
    /// When the last change in it was recorded, microseconds since 1970: what was deleted or changed later is as it was before.
    pub journal_end_at: i64,
    /// Segments that were found and do not follow, because one before them is missing: what they hold is lost.
    pub segments_beyond_gap: Vec<u64>,
    /// Segments that backends say there are, and that were not found: other backends withhold them, or are away.
    pub segments_missing: Option<MissingSegments>,
    /// Segments at the end that were not applied: they hold a part of a transaction, whose end was not written yet.
    pub unfinished_segments: u64,
    /// Records of the journal that cannot be read, and why.
    pub unreadable_records: Vec<String>,
    /// Tables that this release does not have.
    pub unknown_tables: Vec<String>,
    /// Blobs that were written after the journal's end.
    pub late_blobs: u64,
    /// Objects and parts that were found in them and are part of the database again.
    pub imported: Vec<String>,
    /// Those that were found and not taken, because the database has something newer, or their bucket or upload is not there.
    pub conflicts: Vec<String>,
    /// Those of which not all bytes were found, and blobs that cannot be read.
    pub incomplete: Vec<String>,
    /// Nothing was changed.
    pub dry_run: bool,
}

/// Segments that were recorded and not found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingSegments {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// The backends whose heartbeats name the last one. What is missing was on others, or on these, which hide it.
    pub recorded_by: Vec<String>,
}

impl MissingSegments {
    /// Those after the last that was found up to the last that was recorded, if there are any.
    #[must_use]
    pub fn between(found: u64, recorded: u64, recorded_by: Vec<String>) -> Option<Self> {
        (recorded > found).then(|| Self { from: found + 1, to: recorded, recorded_by })
    }
}

impl RecoveryReport {
    /// Whether nothing is known to be lost or uncertain.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unreachable.is_empty()
            && self.not_taken_over.is_empty()
            && self.segments_beyond_gap.is_empty()
            && self.segments_missing.is_none()
            && self.unreadable_records.is_empty()
            && self.unknown_tables.is_empty()
            && self.conflicts.is_empty()
            && self.incomplete.is_empty()
    }
}
