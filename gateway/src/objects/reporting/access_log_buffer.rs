//! The lines of access logs that wait in memory, by bucket.
//!
//! All of them share one bounded memory, and whoever makes many lines, an anonymous flood too, must not cost others theirs: a
//! line is kept only while its bucket and its account together hold no more than is free. So one flooded bucket takes a third at
//! most, and after any number of floods a bucket of another account still finds space, if less.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{Bucket, BucketId, UserId};

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
    /// Bytes that wait for the buckets of each account.
    accounts: HashMap<UserId, usize>,
    bytes: usize,
}

/// The lines of one bucket.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) text: String,
    /// Lines that were not kept, for which there was no space.
    pub(crate) lost: u64,
    since: Instant,
}

impl AccessLogBuffer {
    /// Adds a line; it is lost, and counted, when too much of its bucket or its account waits.
    pub(crate) fn add(&self, bucket: &Arc<Bucket>, line: &str) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let free = WAITING_BYTES_MAX.saturating_sub(waiting.bytes);
        let of_account = waiting.accounts.get(&bucket.owner).copied().unwrap_or_default();
        let fresh = || Lines { bucket: bucket.clone(), text: String::new(), lost: 0, since: Instant::now() };
        let lines = waiting.buckets.entry(bucket.id).or_insert_with(fresh);
        // The newest settings say where the log goes.
        lines.bucket = bucket.clone();
        if lines.text.len() + of_account + line.len() > free {
            lines.lost += 1;
            metrics::counter!("haulout_access_log_lines_lost_total").increment(1);
            return;
        }
        lines.text.push_str(line);
        waiting.bytes += line.len();
        *waiting.accounts.entry(bucket.owner).or_default() += line.len();
    }

    /// Takes what is old or large enough, or everything.
    pub(crate) fn take(&self, everything: bool, linger: Duration) -> Vec<Lines> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = |lines: &Lines| everything || lines.text.len() >= LOG_BYTES_MAX || lines.since.elapsed() >= linger;
        let ids: Vec<_> = waiting.buckets.iter().filter(|(_, lines)| ready(lines)).map(|(id, _)| *id).collect();
        let taken: Vec<Lines> = ids.iter().filter_map(|id| waiting.buckets.remove(id)).collect();
        for lines in &taken {
            waiting.release(lines);
        }
        taken
    }
}

impl Waiting {
    fn release(&mut self, lines: &Lines) {
        self.bytes = self.bytes.saturating_sub(lines.text.len());
        let owner = lines.bucket.owner;
        let left = self.accounts.get(&owner).copied().unwrap_or_default().saturating_sub(lines.text.len());
        if left == 0 {
            self.accounts.remove(&owner);
        } else {
            self.accounts.insert(owner, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BucketSettings, Timestamp, Versioning};

    fn bucket(id: i64, owner: i64) -> Arc<Bucket> {
        Arc::new(Bucket {
            id: BucketId(id),
            name: format!("bucket-{id}").parse().expect("a name"),
            owner: UserId(owner),
            location: String::new(),
            created_at: Timestamp(0),
            settings: BucketSettings::default(),
            versioning: Versioning::Never,
            lock: None,
        })
    }

    /// Adds as many lines as it takes until they are lost; how many bytes were kept.
    fn flood(buffer: &AccessLogBuffer, bucket: &Arc<Bucket>) -> usize {
        let line = "x".repeat(1 << 10);
        (0..WAITING_BYTES_MAX >> 10).for_each(|_| buffer.add(bucket, &line));
        buffer.waiting.lock().expect("whole").buckets[&bucket.id].text.len()
    }

    #[tokio::test]
    async fn a_flood_on_one_bucket_loses_lines_of_no_other() {
        let buffer = AccessLogBuffer::default();
        let flooded = flood(&buffer, &bucket(1, 1));
        assert!((5 << 20..6 << 20).contains(&flooded), "{flooded}");
        for other in [bucket(2, 1), bucket(3, 2)] {
            (0..1_000).for_each(|_| buffer.add(&other, "a line of somebody else\n"));
        }
        let taken = buffer.take(true, Duration::ZERO);
        for lines in &taken {
            let is_flooded = lines.bucket.id == BucketId(1);
            assert_eq!(lines.lost > 0, is_flooded, "lost lines are counted for their bucket");
            assert!(is_flooded || lines.text.lines().count() == 1_000, "{}", lines.bucket.name);
        }
        assert_eq!(taken.len(), 3);
        let waiting = buffer.waiting.lock().expect("whole");
        assert_eq!((waiting.bytes, waiting.accounts.len(), waiting.buckets.len()), (0, 0, 0));
    }

    #[tokio::test]
    async fn accounts_with_many_buckets_leave_room_for_the_next() {
        let buffer = AccessLogBuffer::default();
        for number in 0..60 {
            flood(&buffer, &bucket(number, number % 3));
        }
        let left = flood(&buffer, &bucket(100, 100));
        assert!(left >= WAITING_BYTES_MAX / 16, "{left}");
        assert!(buffer.waiting.lock().expect("whole").bytes <= WAITING_BYTES_MAX);
    }
}
