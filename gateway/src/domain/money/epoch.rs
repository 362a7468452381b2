//! Epochs: the periods over which usage is charged, audits are drawn and providers are paid.

use std::fmt;

/// The number of an epoch. Epochs follow each other without gaps, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// How much time may pass unseen between two epochs without an operator's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JumpTerms {
    /// Microseconds of an epoch.
    pub micros: u64,
    /// How many whole epochs that nobody saw may be begun without a word.
    pub unconfirmed_max: u64,
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
