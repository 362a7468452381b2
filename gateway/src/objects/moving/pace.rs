//! How fast slivers are moved or rebuilt: so fast that others do not suffer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lets work go on once the bytes before it have had their time.
#[derive(Debug)]
pub(crate) struct BytePace {
    /// Bytes in a second; 0 for no bound.
    bytes_per_second: u64,
    /// Until when what was moved takes its time.
    until: Mutex<Option<Instant>>,
}

impl BytePace {
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, until: Mutex::new(None) }
    }

    /// Notes that so many bytes were moved or rebuilt.
    pub(crate) fn took(&self, bytes: u64) {
        if self.bytes_per_second == 0 {
            return;
        }
        let time = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        *until = Some(until.map_or(now, |at| at.max(now)) + time);
    }

    /// As if what was done took so much longer.
    #[cfg(test)]
    pub(crate) fn owe(&self, time: Duration) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + time);
    }

    /// How long what was done still takes; nothing when there may be more.
    pub(crate) fn debt(&self) -> Duration {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()))
    }

    /// Whether there may be more now.
    pub(crate) fn is_free(&self) -> bool {
        self.debt().is_zero()
    }

    /// Seconds that so many bytes take at least; none without a bound.
    pub(crate) fn seconds_for(&self, bytes: u64) -> Option<u64> {
        (self.bytes_per_second > 0).then(|| bytes.div_ceil(self.bytes_per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn moves_take_the_time_of_their_bytes_and_no_bound_takes_none() {
        let pace = BytePace::new(1_000);
        assert!(pace.is_free());
        pace.took(2_500);
        pace.took(500);
        tokio::time::advance(Duration::from_millis(2_900)).await;
        assert!(!pace.is_free());
        tokio::time::advance(Duration::from_millis(200)).await;
        assert!(pace.is_free());
        pace.took(1_000);
        assert_eq!(pace.debt(), Duration::from_secs(1), "what was not used before is not saved up");
        assert_eq!((pace.seconds_for(1_001), BytePace::new(0).seconds_for(5)), (Some(2), None));
        let free = BytePace::new(0);
        free.took(u64::MAX);
        assert!(free.is_free());
    }
}
