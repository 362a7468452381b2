//! Idle coders, kept because making one costs as much as coding some 100 KiB.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Coders of one kind, by k and m. Holds at most `IDLE_MAX`; the one that has waited longest goes first.
pub(super) struct Pool<T> {
    idle: Mutex<Vec<((usize, usize), T)>>,
}

const IDLE_MAX: usize = 32;

impl<T> Pool<T> {
    pub(super) const fn new() -> Self {
        Self { idle: Mutex::new(Vec::new()) }
    }

    /// An idle coder for k and m, if there is one.
    pub(super) fn take(&self, k: usize, m: usize) -> Option<T> {
        let mut idle = self.lock();
        let place = idle.iter().rposition(|(kind, _)| *kind == (k, m))?;
        Some(idle.remove(place).1)
    }

    /// Keeps a coder for the next one who needs it.
    pub(super) fn give_back(&self, k: usize, m: usize, coder: T) {
        let mut idle = self.lock();
        if idle.len() >= IDLE_MAX {
            idle.remove(0);
        }
        idle.push(((k, m), coder));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<((usize, usize), T)>> {
        // Coders are moved in and out whole: a panic elsewhere cannot have left half of one.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
