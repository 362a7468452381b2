//! A cache in front of a database that only this process writes, which never shows a value that a commit has replaced.
//!
//! Two things could go wrong. A reader that asked the database before a commit might put the old value in after it; and
//! between a commit and the update of the cache, one reader might see the new value in the database and a later one the
//! old value in the cache. So a writer announces the keys *before* it commits: they leave the cache, and nothing about
//! them enters it until the writer has finished. A reader takes an insert permit before it queries the database, and its value is
//! taken only if no writer has announced or finished anything near that key in between.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::sync::Cache;

/// Keys share this many slots; a writer disturbs the readers of its slots only.
const SLOTS: usize = 4_096;

/// The cache.
pub(crate) struct ExactCache<K, V> {
    entries: Cache<K, V, RandomState>,
    slots: Box<[Mutex<Slot>]>,
    hasher: RandomState,
}

impl<K, V> fmt::Debug for ExactCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExactCache").finish_non_exhaustive()
    }
}

/// What is going on around some keys.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Grows when a writer announces and when it finishes.
    generation: u64,
    /// Writers that have announced and not finished.
    writers: u32,
}

/// A reader's permit to insert what the database returns, unless a writer interferes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InsertPermit {
    slot: usize,
    generation: Option<u64>,
}

impl<K, V> ExactCache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A cache of at most `bytes` as `weigh` counts them, of entries that live at most as long as is said.
    pub(crate) fn new(bytes: u64, weigh: fn(&K, &V) -> u32, lives: Option<Duration>) -> Self {
        let hasher = RandomState::new();
        let mut entries = Cache::builder().max_capacity(bytes).weigher(weigh);
        if let Some(lives) = lives {
            entries = entries.time_to_live(lives);
        }
        Self {
            entries: entries.build_with_hasher(hasher.clone()),
            slots: (0..SLOTS).map(|_| Mutex::default()).collect(),
            hasher,
        }
    }

    /// What is cached under a key.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.entries.get(key)
    }

    /// Must be taken before the database is queried.
    pub(crate) fn insert_permit(&self, key: &K) -> InsertPermit {
        let slot = self.slot_of(key);
        let state = self.lock(slot);
        InsertPermit { slot, generation: (state.writers == 0).then_some(state.generation) }
    }

    /// Inserts what the database returned, unless it may be stale.
    pub(crate) fn offer(&self, insert_permit: InsertPermit, key: K, value: V) {
        let state = self.lock(insert_permit.slot);
        if state.writers == 0 && insert_permit.generation == Some(state.generation) {
            self.entries.insert(key, value);
        }
    }

    /// Announces that keys are about to change. They are not cached until the answer is dropped or finished.
    pub(crate) fn announce(&self, keys: impl IntoIterator<Item = K>) -> Announced<'_, K, V> {
        let mut slots = BTreeMap::<usize, Vec<K>>::new();
        for key in keys {
            slots.entry(self.slot_of(&key)).or_default().push(key);
        }
        let announced = slots.into_iter().map(|(slot, keys)| {
            let mut state = self.lock(slot);
            state.writers += 1;
            state.generation += 1;
            for key in &keys {
                self.entries.invalidate(key);
            }
            (slot, state.generation)
        });
        Announced { slots: announced.collect(), cache: self }
    }

    fn slot_of(&self, key: &K) -> usize {
        usize::try_from(self.hasher.hash_one(key) % SLOTS as u64).expect("a remainder below 4,096")
    }

    fn lock(&self, slot: usize) -> MutexGuard<'_, Slot> {
        // Nothing panics while a slot is held, and its numbers are right at every step.
        self.slots[slot].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change that was announced. Dropping it finishes it without values.
pub(crate) struct Announced<'a, K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Each slot with its generation just after the announcement.
    slots: BTreeMap<usize, u64>,
    cache: &'a ExactCache<K, V>,
}

impl<K, V> Announced<'_, K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// After the commit: the values the keys have now. One is taken only if no other writer came near it meanwhile, because
    /// it is not known here which of the two committed last.
    pub(crate) fn finish(mut self, values: impl IntoIterator<Item = (K, V)>) {
        let mut by_slot = BTreeMap::<usize, Vec<(K, V)>>::new();
        for (key, value) in values {
            by_slot.entry(self.cache.slot_of(&key)).or_default().push((key, value));
        }
        for (slot, generation) in std::mem::take(&mut self.slots) {
            let mut state = self.cache.lock(slot);
            if state.generation == generation && state.writers == 1 {
                for (key, value) in by_slot.remove(&slot).unwrap_or_default() {
                    self.cache.entries.insert(key, value);
                }
            }
            state.generation += 1;
            state.writers -= 1;
        }
    }
}

impl<K, V> Drop for Announced<'_, K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn drop(&mut self) {
        for slot in std::mem::take(&mut self.slots).into_keys() {
            let mut state = self.cache.lock(slot);
            state.generation += 1;
            state.writers -= 1;
        }
    }
}

#[cfg(test)]
mod tests;
