//! A budget of bytes in flight.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::domain::Peer;
use crate::objects::error::ObjectsError;
use crate::objects::waiting_line::{InLine, WaitingLine};

/// Bytes that one permit stands for.
const PERMIT_BYTES: u64 = 4_096;

/// How long a document that has come in part waits for more memory. Those who hold some are served in moments or not at all.
const GROWTH_PATIENCE: Duration = Duration::from_secs(5);

/// While others wait, a document comes at least this quickly, in bytes a second: the longest within their patience.
const RATE_MIN: u64 = 128 << 10;

/// How long a request waits for memory before it gets 503: a little less than clients wait for a response.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(50);

/// Bounds the bytes of content and slivers that all requests together hold in memory.
///
/// A request takes what its whole pipeline needs at once, before it takes anything else, and never asks for more
/// while it holds some: no request waits while holding, so the budget cannot deadlock. A write that holds some and gets its bytes
/// slowly releases it when others wait, and queues again.
#[derive(Clone, Debug)]
pub struct ByteBudget {
    permits: Arc<Semaphore>,
    waiting: Arc<WaitingLine>,
    total: u32,
    /// Whose share whoever waits takes from.
    peer: Option<Peer>,
}

/// Bytes taken from the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    permit: OwnedSemaphorePermit,
}

impl Reservation {
    /// Gives back what is more than `bytes`.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        let kept = usize::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(usize::MAX);
        drop(self.permit.split(self.permit.num_permits().saturating_sub(kept)));
    }
}

/// Memory that grows with what it is for; given back when dropped.
///
/// It is the one thing that may ask for more while it holds some. So a budget of which some is growing is for nothing else,
/// and the wait for more is short: should all wait for each other, the first that gives up serves the others.
#[derive(Debug)]
pub struct Growing {
    budget: ByteBudget,
    since: Instant,
    held: u32,
    permit: Option<OwnedSemaphorePermit>,
}

impl Growing {
    /// Takes what is missing to `bytes` in all. What was taken before stays taken.
    ///
    /// # Errors
    /// `Unavailable` when it does not come free in time.
    pub async fn reach(&mut self, bytes: u64) -> Result<(), ObjectsError> {
        let more = self.budget.permits_for(bytes).saturating_sub(self.held);
        if more == 0 {
            return Ok(());
        }
        let permits = &self.budget.permits;
        let permit = match Arc::clone(permits).try_acquire_many_owned(more) {
            Ok(permit) => permit,
            Err(_) => {
                let _in_line = self.budget.join_line(more)?;
                let began = Instant::now();
                let patience = if self.held == 0 { ACQUIRE_TIMEOUT } else { GROWTH_PATIENCE };
                let acquired = tokio::time::timeout(patience, Arc::clone(permits).acquire_many_owned(more)).await;
                let none = || ObjectsError::Unavailable("too many bytes of documents are in flight".to_owned());
                // It is no fault of the sender's.
                self.since += began.elapsed();
                acquired.ok().and_then(Result::ok).ok_or_else(none)?
            }
        };
        self.held += more;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        Ok(())
    }

    /// Ends when what this is for, of which `received` bytes have come, comes too slowly while others wait for the memory that it holds.
    pub async fn wanted_back(&self, received: u64) {
        if self.held == 0 {
            return std::future::pending().await;
        }
        self.budget.waiting.wanted_back(self.since, received, RATE_MIN).await;
    }
}

impl ByteBudget {
    /// A budget of `bytes`.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let total = u32::try_from(bytes / PERMIT_BYTES).unwrap_or(u32::MAX >> 4).max(1);
        let waiting = Arc::new(WaitingLine::new(u64::from(total) * PERMIT_BYTES));
        Self { permits: Arc::new(Semaphore::new(total as usize)), waiting, total, peer: None }
    }

    /// The same budget, for requests of a peer.
    #[must_use]
    pub fn of(&self, peer: Option<Peer>) -> Self {
        Self { peer, ..self.clone() }
    }

    fn join_line(&self, permits: u32) -> Result<InLine<'_>, ObjectsError> {
        let greedy =
            || ObjectsError::Unavailable("requests of this address wait for all the memory there is".to_owned());
        self.waiting.join(self.peer, u64::from(permits) * PERMIT_BYTES).ok_or_else(greedy)
    }

    /// Whether any request waits.
    pub(crate) fn has_waiters(&self) -> bool {
        self.waiting.has_waiters()
    }

    /// Takes `bytes` now, or nothing.
    pub(crate) fn try_take(&self, bytes: u64) -> Option<Reservation> {
        let permit = Arc::clone(&self.permits).try_acquire_many_owned(self.permits_for(bytes)).ok()?;
        Some(Reservation { permit })
    }

    /// Takes `bytes`, waiting for them in order.
    ///
    /// # Errors
    /// `Unavailable` when they do not come free in time.
    pub(crate) async fn take(&self, bytes: u64) -> Result<Reservation, ObjectsError> {
        if let Some(reservation) = self.try_take(bytes) {
            return Ok(reservation);
        }
        let _in_line = self.join_line(self.permits_for(bytes))?;
        let acquire = Arc::clone(&self.permits).acquire_many_owned(self.permits_for(bytes));
        match tokio::time::timeout(ACQUIRE_TIMEOUT, acquire).await {
            Ok(Ok(permit)) => Ok(Reservation { permit }),
            _ => Err(ObjectsError::Unavailable("the memory budget is exhausted".to_owned())),
        }
    }

    /// Memory for something whose size shows only as it comes, such as a document: none yet.
    #[must_use]
    pub fn growing(&self) -> Growing {
        Growing { budget: self.clone(), since: Instant::now(), held: 0, permit: None }
    }

    /// Permits for `bytes`; a request larger than the whole budget takes all of it.
    fn permits_for(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX).min(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_must_come_back_before_others_get_it() {
        let budget = ByteBudget::new(8 * PERMIT_BYTES);
        let first = budget.take(5 * PERMIT_BYTES).await.expect("free");
        assert!(budget.try_take(4 * PERMIT_BYTES).is_none());
        assert!(matches!(budget.take(4 * PERMIT_BYTES).await, Err(ObjectsError::Unavailable(_))));
        assert!(!budget.has_waiters());
        let mut second = Box::pin(budget.take(4 * PERMIT_BYTES));
        assert!(futures::poll!(&mut second).is_pending());
        assert!(budget.has_waiters());
        drop(second);
        assert!(!budget.has_waiters());
        drop(first);
        assert!(budget.try_take(u64::MAX).is_some(), "more than everything is everything");
    }

    #[tokio::test(start_paused = true)]
    async fn what_grows_takes_what_is_missing_and_does_not_wait_for_ever() {
        let budget = ByteBudget::new(8 * PERMIT_BYTES);
        let (mut first, mut second) = (budget.growing(), budget.growing());
        for bytes in [1, PERMIT_BYTES, PERMIT_BYTES + 1, 5 * PERMIT_BYTES, 2 * PERMIT_BYTES] {
            first.reach(bytes).await.expect("free");
        }
        assert!(
            budget.try_take(4 * PERMIT_BYTES).is_none() && budget.try_take(3 * PERMIT_BYTES).is_some(),
            "five permits are held"
        );
        second.reach(3 * PERMIT_BYTES).await.expect("free");
        // Now each waits for the other.
        assert!(matches!(first.reach(6 * PERMIT_BYTES).await, Err(ObjectsError::Unavailable(_))));
        let mut waits = Box::pin(second.reach(u64::MAX));
        assert!(futures::poll!(&mut waits).is_pending());
        drop(first);
        waits.await.expect("the other gave up");
        drop(second);
        assert!(budget.try_take(8 * PERMIT_BYTES).is_some(), "all came back");
    }
}
