//! Fault injection: a handle by which tests set faults while the store is in use.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::operation::Operation;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused at once: [`crate::StoreError::Unavailable`]; nothing happened.
    Down,
    /// No answer until [`Faults::clear`]; then the operation goes on.
    Hang,
    /// The operation starts so much later.
    Slow(Duration),
    /// The connection breaks in the middle: half of the bytes of a write arrive; a seal, a delete and the like
    /// happen. The answer is [`crate::StoreError::Unavailable`].
    Reset,
    /// [`crate::StoreError::Full`]; nothing happened.
    Full,
    /// [`crate::StoreError::Damaged`]; nothing happened.
    Io,
    /// Half of the bytes, without a word: written, read, or counted. Breaks the contract of the store on purpose.
    Short,
    /// One bit is another, without a word: in what is written, or in what is read.
    Flipped,
    /// Reads give, without a word, an older sliver: an earlier attempt at this one, or this index of another blob.
    Stale,
    /// Reads give, without a word, another sliver of this store.
    Swapped,
}

/// Which of the matching operations, counted from when the fault was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Each.
    Always,
    /// The first so many.
    First(u64),
    /// Each one whose number, from 1, this divides.
    Every(u64),
}

/// The faults of one store. Clones are the same handle.
#[derive(Debug, Clone)]
pub struct Faults(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    cleared: Notify,
}

#[derive(Debug)]
struct State {
    rules: Vec<Rule>,
    dice: u64,
    injected: u64,
    clearings: u64,
}

#[derive(Debug)]
struct Rule {
    operations: Vec<Operation>,
    fault: Fault,
    when: When,
    seen: u64,
}

impl Faults {
    /// No faults yet. The same seed flips the same bits.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State { rules: Vec::new(), dice: seed, injected: 0, clearings: 0 };
        Self(Arc::new(Shared { state: Mutex::new(state), cleared: Notify::new() }))
    }

    /// From now on these operations meet this fault. Of several rules that apply, the first that was set wins.
    pub fn set(&self, operations: &[Operation], fault: Fault, when: When) {
        self.state().rules.push(Rule { operations: operations.to_vec(), fault, when, seen: 0 });
    }

    /// All operations meet this fault, each time.
    pub fn set_all(&self, fault: Fault) {
        self.set(&Operation::ALL, fault, When::Always);
    }

    /// No faults any more; what hangs goes on.
    pub fn clear(&self) {
        let mut state = self.state();
        state.rules.clear();
        state.clearings += 1;
        drop(state);
        self.0.cleared.notify_waiters();
    }

    /// How many faults were injected so far.
    #[must_use]
    pub fn injected(&self) -> u64 {
        self.state().injected
    }

    /// The fault of an operation that begins now.
    pub(super) fn next_fault(&self, operation: Operation) -> Option<Fault> {
        let mut state = self.state();
        let mut struck = None;
        for rule in state.rules.iter_mut().filter(|rule| rule.operations.contains(&operation)) {
            rule.seen += 1;
            let fires = match rule.when {
                When::Always => true,
                When::First(count) => rule.seen <= count,
                When::Every(step) => rule.seen.is_multiple_of(step),
            };
            if fires && struck.is_none() {
                struck = Some(rule.fault);
            }
        }
        state.injected += u64::from(struck.is_some());
        struck
    }

    /// A number below the limit, the same for the same seed and history.
    pub(super) fn roll(&self, limit: usize) -> usize {
        let mut state = self.state();
        // SplitMix64.
        state.dice = state.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state.dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(limit.max(1)).unwrap_or(u64::MAX)).unwrap_or_default()
    }

    /// Waits for the next [`Faults::clear`].
    pub(super) async fn cleared(&self) {
        let before = self.state().clearings;
        loop {
            let cleared = self.0.cleared.notified();
            if self.state().clearings != before {
                return;
            }
            cleared.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_when_they_are_told_to() {
        let faults = Faults::new(1);
        faults.set(&[Operation::Put], Fault::Io, When::First(2));
        faults.set(&[Operation::Put, Operation::Read], Fault::Down, When::Every(3));
        let puts: Vec<_> = (0..6).map(|_| faults.next_fault(Operation::Put)).collect();
        let (io, down) = (Some(Fault::Io), Some(Fault::Down));
        assert_eq!(puts, [io, io, down, None, None, down]);
        assert_eq!(faults.next_fault(Operation::Len), None);
        assert_eq!(faults.injected(), 4);
        faults.clear();
        assert_eq!(faults.next_fault(Operation::Put), None);
    }

    #[test]
    fn the_same_seed_rolls_the_same() {
        let rolls = |seed| (0..8).map(|_| 0).scan(Faults::new(seed), |dice, _: u8| Some(dice.roll(1000))).collect();
        let (first, again, other): (Vec<_>, Vec<_>, Vec<_>) = (rolls(7), rolls(7), rolls(8));
        assert_eq!(first, again);
        assert_ne!(first, other);
    }
}
