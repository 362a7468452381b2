//! Memory for signed chunks, which are held until their signature is verified.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::objects::BodyError;

/// Bytes that one permit stands for.
const PERMIT_BYTES: u64 = 1 << 10;

/// How long a body waits for the memory of its next chunk before it gets 503: a little less than clients wait for a response.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(50);

/// While others wait, a chunk comes at least this quickly, in bytes a second, ...
const RATE_MIN: u64 = 256 << 10;

/// ... but for this long after its first byte was due.
const START: Duration = Duration::from_secs(5);

/// Bounds what the signed chunks of all bodies hold. A chunk takes its whole size before its first byte, so that two bodies never
/// wait for each other half-way; whoever then sends slowly keeps it only as long as nobody else needs it.
#[derive(Clone, Debug)]
pub struct ChunkBudget {
    permits: Arc<Semaphore>,
    waiting: Arc<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    count: AtomicUsize,
    begun: Notify,
}

/// The memory of one chunk; given back when dropped.
#[derive(Debug)]
pub(super) struct ChunkMemory {
    waiting: Arc<Waiting>,
    since: Instant,
    _permit: OwnedSemaphorePermit,
}

impl ChunkBudget {
    /// A budget of `bytes`, which is at least one largest chunk.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let permits = usize::try_from(bytes / PERMIT_BYTES).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(permits)), waiting: Arc::default() }
    }

    /// Takes the memory of a chunk of `bytes`, waiting for it in order.
    ///
    /// # Errors
    /// `Busy` when it does not come free in time.
    pub(super) async fn take(&self, bytes: u64) -> Result<ChunkMemory, BodyError> {
        let permits = u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX);
        let permit = match Arc::clone(&self.permits).try_acquire_many_owned(permits) {
            Ok(permit) => permit,
            Err(_) => {
                let _in_line = self.waiting.join();
                let acquire = Arc::clone(&self.permits).acquire_many_owned(permits);
                let acquired = tokio::time::timeout(ACQUIRE_TIMEOUT, acquire).await;
                acquired.ok().and_then(Result::ok).ok_or(BodyError::Busy)?
            }
        };
        Ok(ChunkMemory { waiting: Arc::clone(&self.waiting), since: Instant::now(), _permit: permit })
    }

    /// Bytes that nobody holds.
    #[cfg(test)]
    pub(super) fn free_bytes(&self) -> u64 {
        self.permits.available_permits() as u64 * PERMIT_BYTES
    }
}

impl Waiting {
    fn join(&self) -> InLine<'_> {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.begun.notify_waiters();
        InLine(self)
    }
}

/// A body in line.
struct InLine<'a>(&'a Waiting);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ChunkMemory {
    /// Ends when the chunk, of which `received` bytes have come, comes too slowly and somebody else waits.
    pub(super) async fn wanted_back(&self, received: u64) {
        tokio::time::sleep_until(self.since + START + Duration::from_millis(received * 1_000 / RATE_MIN)).await;
        loop {
            let begun = self.waiting.begun.notified();
            if self.waiting.count.load(Ordering::Relaxed) > 0 {
                return;
            }
            begun.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[tokio::test(start_paused = true)]
    async fn a_slow_chunk_keeps_its_memory_until_somebody_else_needs_it() {
        let budget = ChunkBudget::new(16 * MIB);
        let slow = budget.take(16 * MIB).await.expect("free");
        let mut wanted_back = Box::pin(slow.wanted_back(0));
        assert!(tokio::time::timeout(Duration::from_secs(3_600), &mut wanted_back).await.is_err(), "nobody waits");
        let mut other = Box::pin(budget.take(MIB));
        assert!(futures::poll!(&mut other).is_pending());
        wanted_back.await;
        drop(slow);
        other.await.expect("came free");
    }

    #[tokio::test(start_paused = true)]
    async fn a_chunk_that_comes_quickly_enough_is_waited_for() {
        let budget = ChunkBudget::new(16 * MIB);
        let quick = budget.take(16 * MIB).await.expect("free");
        let mut other = Box::pin(budget.take(MIB));
        assert!(futures::poll!(&mut other).is_pending());
        for second in 1..40 {
            let wanted_back = quick.wanted_back((second * 256) << 10);
            assert!(tokio::time::timeout(Duration::from_secs(1), wanted_back).await.is_err(), "second {second}");
        }
        assert!(tokio::time::timeout(Duration::from_secs(6), quick.wanted_back((39 * 256) << 10)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_in_vain_is_told_to_come_again() {
        let budget = ChunkBudget::new(MIB);
        let held = budget.take(MIB).await.expect("free");
        assert!(matches!(budget.take(1).await, Err(BodyError::Busy)));
        drop(held);
        assert_eq!(budget.free_bytes(), MIB);
    }
}
