//! The lines of access logs that wait in memory, by bucket.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{Bucket, BucketId};

/// Bytes of one log at most; more begin another at once.
const LOG_BYTES_MAX: usize = 1 << 20;

/// Bytes of all lines that wait; more are lost.
const WAITING_BYTES_MAX: usize = 16 << 20;

/// Lines that wait.
#[derive(Debug, Default)]
pub(crate) struct AccessLogBuffer {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    buckets: HashMap<BucketId, Lines>,
    bytes: usize,
}

/// The lines of one bucket.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) text: String,
    since: Instant,
}

impl AccessLogBuffer {
    /// Adds a line; it is lost when too much waits.
    pub(crate) fn add(&self, bucket: &Arc<Bucket>, line: &str) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.bytes + line.len() > WAITING_BYTES_MAX {
            metrics::counter!("haulout_access_log_lines_lost_total").increment(1);
            return;
        }
        waiting.bytes += line.len();
        let fresh = || Lines { bucket: bucket.clone(), text: String::new(), since: Instant::now() };
        let lines = waiting.buckets.entry(bucket.id).or_insert_with(fresh);
        // The newest settings say where the log goes.
        lines.bucket = bucket.clone();
        lines.text.push_str(line);
    }

    /// Takes what is old or large enough, or everything.
    pub(crate) fn take(&self, everything: bool, linger: Duration) -> Vec<Lines> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = |lines: &Lines| everything || lines.text.len() >= LOG_BYTES_MAX || lines.since.elapsed() >= linger;
        let ids: Vec<_> = waiting.buckets.iter().filter(|(_, lines)| ready(lines)).map(|(id, _)| *id).collect();
        let taken: Vec<Lines> = ids.iter().filter_map(|id| waiting.buckets.remove(id)).collect();
        waiting.bytes = waiting.bytes.saturating_sub(taken.iter().map(|lines| lines.text.len()).sum());
        taken
    }
}
