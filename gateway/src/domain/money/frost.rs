//! Amounts of money.

use std::fmt;
use std::iter::Sum;

/// An amount in FROST. 1 WAL = [`Frost::PER_WAL`] FROST, and 5 * 10^18 of them are all that Walrus ever minted, so every
/// amount fits into 63 bits, as the databases keep it. Products are taken in `i128` or `u128`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frost(pub u64);

impl Frost {
    pub const PER_WAL: u64 = 1_000_000_000;
    pub const ZERO: Self = Self(0);
    /// The largest amount that a transfer or a balance may have.
    pub const MAX: Self = Self(i64::MAX as u64);

    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or nothing if it is above [`Self::MAX`].
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self).filter(|sum| *sum <= Self::MAX)
    }

    /// The difference, or nothing if it is below zero.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `floor(self * numerator / denominator)`, capped at [`Self::MAX`]; a denominator of zero gives zero.
    #[must_use]
    pub fn share_down(self, numerator: u64, denominator: u64) -> Self {
        if denominator == 0 {
            return Self::ZERO;
        }
        let share = u128::from(self.0) * u128::from(numerator) / u128::from(denominator);
        Self(u64::try_from(share).unwrap_or(u64::MAX)).min(Self::MAX)
    }
}

impl Sum for Frost {
    /// Stops at [`Frost::MAX`].
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(Self::MAX))
    }
}

/// In WAL, without trailing zeros: `0.0001323 WAL`.
impl fmt::Display for Frost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / Self::PER_WAL, self.0 % Self::PER_WAL);
        if rest == 0 {
            return write!(f, "{whole} WAL");
        }
        let digits = format!("{rest:09}");
        write!(f, "{whole}.{} WAL", digits.trim_end_matches('0'))
    }
}
