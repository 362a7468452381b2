//! Repair leaves the machine to requests: while some are under way, it pauses after each blob for so long that a quarter of the cores is
//! at work for it. When there are none, it does not pause.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The part of the cores that repair has while requests are under way.
const SHARE_OF_CORES: f64 = 0.25;

/// The longest pause: what is endangered does not wait for ever, however long a blob has taken.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Counts the writes that are under way, and says how long repair pauses. Reads are counted elsewhere.
#[derive(Debug)]
pub(crate) struct RepairPace {
    writes: AtomicUsize,
    cores: usize,
}

/// A write under way. It is over when this is dropped.
pub(crate) struct OngoingWrite<'a>(&'a RepairPace);

impl Default for RepairPace {
    fn default() -> Self {
        Self { writes: AtomicUsize::new(0), cores: std::thread::available_parallelism().map_or(2, usize::from) }
    }
}

impl RepairPace {
    /// Begins a write.
    pub(crate) fn begin_write(&self) -> OngoingWrite<'_> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        OngoingWrite(self)
    }

    /// How long one of so many repairs side by side pauses that has worked for some time.
    pub(crate) fn pause(&self, worked: Duration, side_by_side: usize, reads_are_under_way: bool) -> Duration {
        if !reads_are_under_way && self.writes.load(Ordering::Relaxed) == 0 {
            return Duration::ZERO;
        }
        pause_of(worked, side_by_side, self.cores)
    }
}

impl Drop for OngoingWrite<'_> {
    fn drop(&mut self) {
        self.0.writes.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Of `side_by_side` repairs that work and pause by turns, as many work at a time as have a core.
fn pause_of(worked: Duration, side_by_side: usize, cores: usize) -> Duration {
    let at_work = (cores as f64 * SHARE_OF_CORES).max(SHARE_OF_CORES);
    let pauses = (side_by_side as f64 / at_work - 1.0).max(0.0);
    worked.mul_f64(pauses).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repair_pauses_only_while_requests_are_under_way_and_less_on_large_machines() {
        let second = Duration::from_secs(1);
        let pace = RepairPace { writes: AtomicUsize::new(0), cores: 2 };
        assert_eq!(pace.pause(second, 4, false), Duration::ZERO);
        assert_eq!(pace.pause(second, 4, true), second * 7, "a half of one, of four");
        let write = pace.begin_write();
        assert_eq!(pace.pause(second, 4, false), second * 7);
        drop(write);
        assert_eq!(pace.pause(second, 4, false), Duration::ZERO);
        assert_eq!(pause_of(second, 4, 8), second);
        assert_eq!(pause_of(second, 4, 16), Duration::ZERO);
        assert_eq!(pause_of(second, 4, 64), Duration::ZERO);
        assert_eq!(pause_of(second * 60, 4, 2), PAUSE_MAX);
    }
}
