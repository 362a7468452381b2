//! The time of the sweep, which is read by every event of a connection.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

/// Milliseconds since it began, as of the last sweep: good enough for timeouts, and no clock is read per event.
#[derive(Debug)]
pub(super) struct SweepClock {
    started: Instant,
    now_ms: AtomicU64,
}

impl SweepClock {
    /// A clock that begins now.
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), now_ms: AtomicU64::new(0) }
    }

    /// Milliseconds since it began, as of the last sweep.
    pub(super) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Sets the time again: a sweep begins.
    pub(super) fn advance(&self) -> u64 {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.now_ms.store(now, Ordering::Relaxed);
        now
    }
}
