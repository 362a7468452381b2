//! How fast this gateway repaired and moved lately.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What is older does not count.
const WINDOW: Duration = Duration::from_secs(300);

/// Entries kept at most; the oldest go first, and the rate is that of the rest.
const ENTRIES_MAX: usize = 10_000;

/// A rate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RepairRate {
    /// Blobs that were done in a second.
    pub blobs_per_second: f64,
    /// Slivers made in a second.
    pub slivers_per_second: f64,
    /// Their bytes.
    pub bytes_per_second: f64,
}

/// Counts the repaired blobs of the last minutes.
#[derive(Debug, Default)]
pub(crate) struct RepairMeter(Mutex<VecDeque<(Instant, usize, u64)>>);

impl RepairMeter {
    /// Notes a blob of which so many slivers of this length were made.
    pub(crate) fn record(&self, slivers: usize, sliver_len: u64) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == ENTRIES_MAX {
            entries.pop_front();
        }
        entries.push_back((Instant::now(), slivers, sliver_len.saturating_mul(slivers as u64)));
    }

    /// The rate over the last five minutes, or since it began within them; none when nothing was done.
    pub(crate) fn rate(&self) -> Option<RepairRate> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while entries.front().is_some_and(|(at, ..)| now.duration_since(*at) > WINDOW) {
            entries.pop_front();
        }
        let seconds = now.duration_since(entries.front()?.0).as_secs_f64().max(1.0);
        let (slivers, bytes) = entries.iter().fold((0, 0), |sum, entry| (sum.0 + entry.1, sum.1 + entry.2));
        Some(RepairRate {
            blobs_per_second: entries.len() as f64 / seconds,
            slivers_per_second: slivers as f64 / seconds,
            bytes_per_second: bytes as f64 / seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_that_of_the_last_minutes() {
        let meter = RepairMeter::default();
        assert_eq!(meter.rate(), None);
        for _ in 0..10 {
            meter.record(2, 100);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let rate = meter.rate().expect("something was done");
        assert_eq!((rate.blobs_per_second, rate.slivers_per_second, rate.bytes_per_second), (1.0, 2.0, 200.0));
        tokio::time::advance(Duration::from_secs(400)).await;
        assert_eq!(meter.rate(), None);
    }
}
