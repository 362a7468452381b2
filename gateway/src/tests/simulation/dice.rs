//! Chance and time of a simulation: everything that is random follows from its seed, and the clock goes when the schedule says it does.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use crate::clock::{Ambient, Clock, Entropy};
use crate::domain::Timestamp;

/// SplitMix64: the same seed rolls the same.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below the limit.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % limit.max(1) as u64).unwrap()
    }

    /// Whether something happens that happens so many times in a thousand.
    pub(super) fn happens(&mut self, in_thousand: usize) -> bool {
        self.below(1_000) < in_thousand
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Random bytes from a seed. They are fit for nothing but a simulation.
#[derive(Debug)]
struct SeededEntropy(Mutex<Dice>);

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let mut dice = self.0.lock().unwrap();
        for chunk in buffer.chunks_mut(8) {
            let bytes = dice.roll().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

/// The clock of the database, from which that of a gateway may differ.
#[derive(Debug)]
struct SimulatedClock {
    database: Arc<AtomicI64>,
    skew_micros: i64,
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.database.load(Ordering::SeqCst) + self.skew_micros)
    }
}

/// Time and chance of one run of a gateway.
pub(super) fn ambient(database: &Arc<AtomicI64>, skew_micros: i64, seed: u64) -> Ambient {
    Ambient {
        clock: Arc::new(SimulatedClock { database: Arc::clone(database), skew_micros }),
        entropy: Arc::new(SeededEntropy(Mutex::new(Dice::new(seed)))),
    }
}
