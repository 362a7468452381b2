//! A budget of bytes in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ObjectsError;

/// Bytes that one permit stands for.
const GRAIN: u64 = 4_096;

/// How long a request waits for memory before it is told to come back: a little less than clients wait for an answer.
const PATIENCE: Duration = Duration::from_secs(50);

/// Bounds the bytes of content and slivers that all requests together hold in memory.
///
/// A request takes what its whole pipeline needs at once, before it takes anything else, and never asks for more
/// while it holds some: nobody waits while holding, so the budget cannot deadlock. Who holds some and gets its bytes
/// slowly gives it back when the budget is [crowded](Self::crowded), and stands in line again.
#[derive(Clone, Debug)]
pub(crate) struct ByteBudget {
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    total: u32,
}

/// Somebody who stands in line.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes taken from the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    _permit: OwnedSemaphorePermit,
}

impl ByteBudget {
    /// A budget of `bytes`.
    pub(crate) fn new(bytes: u64) -> Self {
        let total = u32::try_from(bytes / GRAIN).unwrap_or(u32::MAX >> 4).max(1);
        Self { permits: Arc::new(Semaphore::new(total as usize)), waiting: Arc::default(), total }
    }

    /// Whether somebody waits.
    pub(crate) fn crowded(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Takes `bytes` now, or nothing.
    pub(crate) fn try_take(&self, bytes: u64) -> Option<Reservation> {
        let permit = Arc::clone(&self.permits).try_acquire_many_owned(self.grains(bytes)).ok()?;
        Some(Reservation { _permit: permit })
    }

    /// Takes `bytes`, waiting in line for them.
    ///
    /// # Errors
    /// `Unavailable` when they do not come free in time.
    pub(crate) async fn take(&self, bytes: u64) -> Result<Reservation, ObjectsError> {
        if let Some(reservation) = self.try_take(bytes) {
            return Ok(reservation);
        }
        let _in_line = Waiting::new(&self.waiting);
        let acquire = Arc::clone(&self.permits).acquire_many_owned(self.grains(bytes));
        match tokio::time::timeout(PATIENCE, acquire).await {
            Ok(Ok(permit)) => Ok(Reservation { _permit: permit }),
            _ => Err(ObjectsError::Unavailable("too many bytes are in flight".to_owned())),
        }
    }

    /// Permits for `bytes`; a request larger than the whole budget takes all of it.
    fn grains(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(GRAIN)).unwrap_or(u32::MAX).min(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_must_come_back_before_others_get_it() {
        let budget = ByteBudget::new(8 * GRAIN);
        let first = budget.take(5 * GRAIN).await.expect("free");
        assert!(budget.try_take(4 * GRAIN).is_none());
        assert!(matches!(budget.take(4 * GRAIN).await, Err(ObjectsError::Unavailable(_))));
        assert!(!budget.crowded());
        let mut second = Box::pin(budget.take(4 * GRAIN));
        assert!(futures::poll!(&mut second).is_pending());
        assert!(budget.crowded());
        drop(second);
        assert!(!budget.crowded());
        drop(first);
        assert!(budget.try_take(u64::MAX).is_some(), "more than everything is everything");
    }
}
