//! Memory for signed chunks, which are held until their signature is verified.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::domain::Peer;
use crate::objects::{BodyError, WaitingLine};

/// Bytes that one permit stands for.
const PERMIT_BYTES: u64 = 1 << 10;

/// How long a body waits for the memory of its next chunk before it gets 503: a little less than clients wait for a response.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(50);

/// While others wait, a chunk comes at least this quickly, in bytes a second.
const RATE_MIN: u64 = 256 << 10;

/// Bounds what the signed chunks of all bodies hold. A chunk takes its whole size before its first byte, so that two bodies never
/// wait for each other half-way; whoever then sends slowly keeps it only as long as nobody else needs it.
#[derive(Clone, Debug)]
pub struct ChunkBudget {
    permits: Arc<Semaphore>,
    waiting: Arc<WaitingLine>,
    /// Whose share whoever waits takes from.
    peer: Option<Peer>,
}

/// The memory of one chunk; given back when dropped.
#[derive(Debug)]
pub(super) struct ChunkMemory {
    waiting: Arc<WaitingLine>,
    since: Instant,
    _permit: OwnedSemaphorePermit,
}

impl ChunkBudget {
    /// A budget of `bytes`, which is at least one largest chunk.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let permits = usize::try_from(bytes / PERMIT_BYTES).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let waiting = Arc::new(WaitingLine::new(permits as u64 * PERMIT_BYTES));
        Self { permits: Arc::new(Semaphore::new(permits)), waiting, peer: None }
    }

    /// The same budget, for bodies of a peer.
    #[must_use]
    pub(super) fn of(&self, peer: Option<Peer>) -> Self {
        Self { peer, ..self.clone() }
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
                let _in_line = self.waiting.join(self.peer, bytes).ok_or(BodyError::Busy)?;
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

impl ChunkMemory {
    /// Ends when the chunk, of which `received` bytes have come, comes too slowly and somebody else waits.
    pub(super) async fn wanted_back(&self, received: u64) {
        self.waiting.wanted_back(self.since, received, RATE_MIN).await;
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
    async fn who_waits_in_vain_is_told_to_come_again() {
        let budget = ChunkBudget::new(MIB);
        let held = budget.take(MIB).await.expect("free");
        assert!(matches!(budget.take(1).await, Err(BodyError::Busy)));
        drop(held);
        assert_eq!(budget.free_bytes(), MIB);
    }
}
