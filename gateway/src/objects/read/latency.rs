//! Moving averages of how long reads take.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The hedge never starts before this: a backend that answers in microseconds would otherwise be doubled at every
/// hiccup of the scheduler.
const HEDGE_MIN: Duration = Duration::from_millis(30);

/// The hedge starts at the latest after this.
const HEDGE_MAX: Duration = Duration::from_secs(2);

/// Exponentially weighted mean and mean deviation, in microseconds (the estimator TCP uses for its retransmission
/// timer, RFC 6298: weights 1/8 and 1/4). Races lose a sample, which does not matter.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    mean_us: AtomicU64,
    deviation_us: AtomicU64,
}

impl Latency {
    /// Takes a sample.
    pub(crate) fn record(&self, took: Duration) {
        let sample = u64::try_from(took.as_micros()).unwrap_or(u64::MAX / 16).min(u64::MAX / 16);
        let mean = self.mean_us.load(Ordering::Relaxed);
        if mean == 0 {
            self.mean_us.store(sample.max(1), Ordering::Relaxed);
            self.deviation_us.store(sample / 2, Ordering::Relaxed);
            return;
        }
        let deviation = self.deviation_us.load(Ordering::Relaxed);
        self.deviation_us.store((deviation * 3 + mean.abs_diff(sample)) / 4, Ordering::Relaxed);
        self.mean_us.store(((mean * 7 + sample) / 8).max(1), Ordering::Relaxed);
    }

    /// The mean, for choosing the faster of two.
    pub(crate) fn mean_us(&self) -> u64 {
        self.mean_us.load(Ordering::Relaxed)
    }

    /// When an answer is late: mean plus four deviations, about the 95th percentile of what was seen, within bounds.
    pub(crate) fn late_after(&self) -> Duration {
        let mean = self.mean_us.load(Ordering::Relaxed);
        let deviation = self.deviation_us.load(Ordering::Relaxed);
        Duration::from_micros(mean.saturating_add(deviation.saturating_mul(4))).clamp(HEDGE_MIN, HEDGE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_answer_is_one_later_than_usual() {
        let latency = Latency::default();
        assert_eq!(latency.late_after(), HEDGE_MIN, "nothing is known yet");
        (0..50).for_each(|_| latency.record(Duration::from_millis(100)));
        let steady = latency.late_after();
        assert!(steady >= Duration::from_millis(95) && steady < Duration::from_millis(150), "{steady:?}");
        (0..50).for_each(|_| latency.record(Duration::from_secs(60)));
        assert_eq!(latency.late_after(), HEDGE_MAX);
    }
}
