//! Progress of one request body, and the decision whether it comes too slowly.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Context;

use futures::task::AtomicWaker;

use crate::app::listener::timeouts::Timeouts;

/// The progress of one body. It is watched only once its reader had to wait for it: most small bodies come with
/// their heads and are never entered in the list.
#[derive(Debug, Default)]
pub(super) struct BodyProgress {
    bytes: AtomicU64,
    waits: AtomicBool,
    late: AtomicBool,
    /// Start of the window of observation, moved on while the gateway itself is the slow one.
    window_ms: AtomicU64,
    /// Bytes at the start of the window.
    window_bytes: AtomicU64,
    looked_ms: AtomicU64,
    waker: AtomicWaker,
}

impl BodyProgress {
    /// The progress of a body whose reader begins to wait now.
    pub(super) fn new(now_ms: u64) -> Self {
        Self { window_ms: AtomicU64::new(now_ms), looked_ms: AtomicU64::new(now_ms), ..Self::default() }
    }

    /// Notes that the reader waits; `true` when it has waited in vain.
    pub(super) fn note_wait(&self, context: &Context<'_>) -> bool {
        self.waker.register(context.waker());
        self.waits.store(true, Ordering::Relaxed);
        self.late.load(Ordering::Acquire)
    }

    /// Notes that the reader got so many bytes.
    pub(super) fn note_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.waits.store(false, Ordering::Relaxed);
    }

    /// Decides whether the body is below the minimum rate.
    pub(super) fn check_progress(&self, now: u64, timeouts: &Timeouts) {
        let looked = self.looked_ms.swap(now, Ordering::Relaxed);
        let window = self.window_ms.load(Ordering::Relaxed);
        if !self.waits.load(Ordering::Relaxed) {
            self.window_ms.store(window + now.saturating_sub(looked.max(window)), Ordering::Relaxed);
            return;
        }
        let elapsed_ms = now.saturating_sub(window);
        if u128::from(elapsed_ms) < timeouts.body_window.as_millis() {
            return;
        }
        let bytes = self.bytes.load(Ordering::Relaxed);
        let came = bytes.saturating_sub(self.window_bytes.swap(bytes, Ordering::Relaxed));
        self.window_ms.store(now, Ordering::Relaxed);
        if u128::from(came) * 1_000 < u128::from(timeouts.body_rate_min) * u128::from(elapsed_ms) {
            self.late.store(true, Ordering::Release);
            self.waker.wake();
        }
    }
}
