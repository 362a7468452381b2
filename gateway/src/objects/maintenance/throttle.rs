//! Doing something for one thing at most once in a while.

use std::hash::Hash;
use std::time::Duration;

use moka::sync::Cache;

/// Lets the first through for each key, and no other for some time.
#[derive(Clone)]
pub(crate) struct Throttle<K>(Cache<K, ()>);

impl<K: Hash + Eq + Send + Sync + 'static> Throttle<K> {
    /// A throttle that remembers at most so many keys: when there are more, some are admitted early.
    pub(crate) fn new(keys_max: u64, pause: Duration) -> Self {
        Self(Cache::builder().max_capacity(keys_max).time_to_live(pause).build())
    }

    /// Whether this key may pass now. Of several that ask at once, one may.
    pub(crate) fn admits(&self, key: K) -> bool {
        self.0.entry(key).or_insert(()).is_fresh()
    }

    /// Whether this key has passed lately and would not be admitted now.
    pub(crate) fn has_passed(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// Lets a key pass again at once: what it passed for came to nothing.
    pub(crate) fn release(&self, key: &K) {
        self.0.invalidate(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_passes_once_in_a_while() {
        let throttle = Throttle::new(100, Duration::from_secs(3_600));
        assert!(throttle.admits(1) && throttle.admits(2));
        assert!(!throttle.admits(1) && !throttle.admits(2));
        assert!(throttle.has_passed(&1) && !throttle.has_passed(&3));
        throttle.release(&1);
        assert!(throttle.admits(1) && !throttle.admits(1) && !throttle.admits(2));
    }
}
