//! Which reads are under way: what a read that began later cannot need may be deleted before its grace is over.
//!
//! Reads are grouped into epochs, each begun at a number of the version sequence, which every gateway draws from. A read belongs
//! to the epoch in which it began, before it looked anything up; so it began after that epoch's number was drawn, and knows of every
//! deletion that was committed before.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A read under way, or a request that may begin one. It is over when every clone of this is dropped.
#[derive(Clone, Debug)]
pub struct OngoingRead {
    _epoch: Arc<Epoch>,
}

/// Reads that began after this number was drawn.
#[derive(Debug)]
struct Epoch(i64);

/// The epochs with reads under way.
#[derive(Debug)]
pub(crate) struct ReadEpochs(Mutex<VecDeque<Arc<Epoch>>>);

impl Default for ReadEpochs {
    /// Of the first reads nothing is known: 0 is before every number.
    fn default() -> Self {
        Self(Mutex::new(VecDeque::from([Arc::new(Epoch(0))])))
    }
}

impl ReadEpochs {
    /// Begins a read. Must be called before it is looked up what there is to read.
    pub(crate) fn begin_read(&self) -> OngoingRead {
        let epochs = self.lock();
        let epoch = epochs.back().map_or_else(|| Arc::new(Epoch(0)), Arc::clone);
        OngoingRead { _epoch: epoch }
    }

    /// Begins an epoch: `number` was drawn before, and reads that begin from now on begin after it.
    pub(crate) fn begin_epoch(&self, number: i64) {
        let mut epochs = self.lock();
        if epochs.back().is_none_or(|current| current.0 < number) {
            epochs.push_back(Arc::new(Epoch(number)));
        }
    }

    /// The number after which every read began that is under way or will be.
    pub(crate) fn oldest(&self) -> i64 {
        let mut epochs = self.lock();
        // Reads enter the last epoch only, and under the lock: one before it that nobody holds stays empty.
        while epochs.len() > 1 && epochs.front().is_some_and(|oldest| Arc::strong_count(oldest) == 1) {
            epochs.pop_front();
        }
        epochs.front().map_or(0, |oldest| oldest.0)
    }

    /// Whether any read is under way.
    pub(crate) fn are_under_way(&self) -> bool {
        self.lock().iter().any(|epoch| Arc::strong_count(epoch) > 1)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Epoch>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_read_under_way_decides() {
        let epochs = ReadEpochs::default();
        assert!(!epochs.are_under_way());
        let first = epochs.begin_read();
        assert!(epochs.are_under_way());
        epochs.begin_epoch(7);
        let second = epochs.begin_read();
        epochs.begin_epoch(9);
        assert_eq!(epochs.oldest(), 0, "of the first it is not known when it began");
        let copy = first.clone();
        drop(first);
        assert_eq!(epochs.oldest(), 0, "half of it is still under way");
        drop(copy);
        assert_eq!(epochs.oldest(), 7);
        drop(second);
        assert_eq!(epochs.oldest(), 9, "whatever begins now begins after 9");
        let third = epochs.begin_read();
        epochs.begin_epoch(8);
        assert_eq!(epochs.oldest(), 9, "a number that was drawn earlier begins no epoch");
        drop(third);
        assert!(!epochs.are_under_way());
    }
}
