//! Which counters of a session were used: a replay is one that was.

use crate::node::protocol::COUNTER_WINDOW;

const WORD_BITS: u64 = 64;
const WORDS: usize = (COUNTER_WINDOW / WORD_BITS) as usize;

/// A bitmap over the last [`COUNTER_WINDOW`] counters. What is older counts as used.
#[derive(Debug)]
pub(super) struct Window {
    /// One more than the highest counter that was used.
    next: u64,
    bits: Box<[u64; WORDS]>,
}

impl Default for Window {
    fn default() -> Self {
        Self { next: 0, bits: Box::new([0; WORDS]) }
    }
}

impl Window {
    /// Uses a counter; says whether it was free. The last number of all is never free.
    pub(super) fn take(&mut self, counter: u64) -> bool {
        if counter == u64::MAX {
            return false;
        }
        if counter >= self.next {
            self.advance(counter + 1);
        } else if self.next - counter > COUNTER_WINDOW {
            return false;
        }
        let (word, bit) = Self::place(counter);
        let free = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        free
    }

    /// Frees the places of the counters from `self.next` to `next`.
    fn advance(&mut self, next: u64) {
        if next - self.next >= COUNTER_WINDOW {
            self.bits.fill(0);
        } else {
            for counter in self.next..next {
                let (word, bit) = Self::place(counter);
                self.bits[word] &= !bit;
            }
        }
        self.next = next;
    }

    fn place(counter: u64) -> (usize, u64) {
        let at = counter % COUNTER_WINDOW;
        (usize::try_from(at / WORD_BITS).unwrap_or_default(), 1 << (at % WORD_BITS))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_counter_is_free_once_and_old_ones_never(
            counters in prop::collection::vec(prop_oneof![0..300_u64, 60_000..70_000_u64, 130_000..132_000_u64], 1..400)
        ) {
            let mut window = Window::default();
            let (mut used, mut next) = (HashSet::new(), 0);
            for counter in counters {
                next = next.max(counter + 1);
                let free = next - counter <= COUNTER_WINDOW && used.insert(counter);
                prop_assert_eq!(window.take(counter), free, "counter {}", counter);
            }
        }
    }

    #[test]
    fn the_ends_of_the_numbers_do_no_harm() {
        let mut window = Window::default();
        assert!(window.take(u64::MAX - 1) && !window.take(u64::MAX - 1) && !window.take(u64::MAX) && !window.take(0));
    }
}
