//! When the journal is written, when a snapshot is due, and what of both is no longer needed. Pure.

use std::time::Duration;

use crate::config::JournalConfig;
use crate::metadata::JournalRecord;

/// A database that grew this much since its snapshot gets another, however small the snapshot was.
const BYTES_MIN: u64 = 64 << 20;
/// So many segments are as much to read as a snapshot, if they are not very small beside it.
const SEGMENTS_MAX: u64 = 10_000;
/// Snapshots that are kept, however old.
const SNAPSHOTS_KEPT: usize = 2;

/// What is known of the journal's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JournalLength {
    /// Segments after the last snapshot.
    pub(crate) segments: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

/// How long after its commit a change is written to the backends.
pub(crate) fn lag(config: &JournalConfig, is_billed: bool) -> Duration {
    Duration::from_secs(config.lag_seconds.unwrap_or(if is_billed { 60 } else { 1 }))
}

/// Whether another snapshot is due. By bytes: what is read to rebuild the database stays within about twice its size, and so does what is
/// written.
pub(crate) fn is_snapshot_due(
    config: &JournalConfig,
    last: Option<&JournalRecord>,
    length: JournalLength,
    now: i64,
) -> bool {
    let Some(last) = last else { return true };
    let old = now.saturating_sub(last.written_at) >= hours(config.snapshot_hours);
    let long = length.bytes >= last.bytes.max(BYTES_MIN);
    let many = length.segments >= SEGMENTS_MAX && length.bytes >= last.bytes / 8;
    length.segments > 0 && (old || long || many)
}

/// What may go: snapshots with a lower number than the first, segments with a lower one than the second, of both those that were written
/// before the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outdated {
    pub(crate) snapshots_below: u64,
    pub(crate) segments_below: u64,
    pub(crate) written_before: i64,
}

/// What is no longer needed, from the snapshots, newest first: the last two stay, and the one before what is retained with all after it.
pub(crate) fn outdated(config: &JournalConfig, snapshots: &[JournalRecord], now: i64) -> Option<Outdated> {
    let written_before = now.saturating_sub(hours(config.retain_hours));
    let enough = snapshots.iter().skip(SNAPSHOTS_KEPT - 1).find(|snapshot| snapshot.written_at <= written_before)?;
    Some(Outdated { snapshots_below: enough.number, segments_below: enough.number + 1, written_before })
}

fn hours(hours: u64) -> i64 {
    i64::try_from(hours.saturating_mul(3_600_000_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::ExtentOwner;

    const HOUR: i64 = 3_600_000_000;

    fn record(number: u64, bytes: u64, hours: i64) -> JournalRecord {
        JournalRecord { id: ExtentOwner([0; 16]), number, bytes, written_at: hours * HOUR }
    }

    #[test]
    fn a_snapshot_is_due_by_age_and_by_what_came_since() {
        let config = JournalConfig::default();
        let last = record(5, 80 << 20, 0);
        let due = |segments, bytes, hours| {
            is_snapshot_due(&config, Some(&last), JournalLength { segments, bytes }, hours * HOUR)
        };
        assert!(is_snapshot_due(&config, None, JournalLength { segments: 0, bytes: 0 }, 0), "there is none");
        assert!(!due(0, 0, 1_000), "nothing has changed");
        assert!(!due(9, 9, 23) && due(1, 9, 24));
        assert!(!due(9, 79 << 20, 1) && due(9, 80 << 20, 1));
        assert!(!due(10_000, 9 << 20, 1) && due(10_000, 10 << 20, 1));
    }

    #[test]
    fn what_is_retained_can_be_rebuilt() {
        let config = JournalConfig::default();
        let at = |hours: &[i64]| -> Vec<_> {
            hours.iter().map(|hour| record(u64::try_from(*hour).unwrap(), 1, *hour)).collect()
        };
        assert_eq!(outdated(&config, &at(&[50]), 100 * HOUR), None, "the only one");
        // At 100 hours one must be able to go back to 76: the snapshot of 70 and all segments after it stay.
        let given = outdated(&config, &at(&[95, 80, 70, 60]), 100 * HOUR).unwrap();
        assert_eq!((given.snapshots_below, given.segments_below), (70, 71));
        assert_eq!(given.written_before, 76 * HOUR);
        let old = outdated(&config, &at(&[40, 30, 20]), 100 * HOUR).unwrap();
        assert_eq!(old.snapshots_below, 30, "two stay, however old");
    }

    #[test]
    fn clouds_are_written_to_seldom() {
        let config = JournalConfig::default();
        assert_eq!([lag(&config, false), lag(&config, true)], [1, 60].map(Duration::from_secs));
        let own = JournalConfig { lag_seconds: Some(0), ..config };
        assert_eq!(lag(&own, true), Duration::ZERO);
    }
}
