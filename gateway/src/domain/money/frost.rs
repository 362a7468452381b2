//! Amounts of money.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

/// An amount in FROST. 1 WAL = [`Frost::PER_WAL`] FROST, and there are 5 * 10^18 of them, so every
/// amount fits into 63 bits, as the databases keep it. Products are taken in `i128` or `u128`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frost(pub u64);

impl Frost {
    /// FROST in a WAL.
    pub const PER_WAL: u64 = 1_000_000_000;
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount that a transfer or a balance may have.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// Whether it is nothing.
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

    /// The difference, or nothing where it would be below zero.
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

/// A text that is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no amount: give FROST as a number, or WAL as in `2.5WAL`")]
pub struct FrostError(pub String);

impl FromStr for Frost {
    type Err = FrostError;

    /// A number of FROST, or with at most nine digits after the point a number of WAL.
    fn from_str(text: &str) -> Result<Self, FrostError> {
        let wrong = || FrostError(text.chars().take(100).collect());
        let digits = |digits: &str| -> Result<u64, FrostError> {
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(wrong());
            }
            digits.parse().map_err(|_| wrong())
        };
        let amount = match text.strip_suffix("WAL") {
            None => digits(text)?,
            Some(wal) => {
                let wal = wal.strip_suffix(' ').unwrap_or(wal);
                let (whole, part) = wal.split_once('.').unwrap_or((wal, "0"));
                if part.is_empty() || part.len() > 9 {
                    return Err(wrong());
                }
                let whole = digits(whole)?.checked_mul(Self::PER_WAL).ok_or_else(wrong)?;
                whole.checked_add(digits(&format!("{part:0<9}"))?).ok_or_else(wrong)?
            }
        };
        Some(Self(amount)).filter(|amount| *amount <= Self::MAX).ok_or_else(wrong)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_in_frost_and_in_wal() {
        for (text, amount) in [
            ("0", 0),
            ("17", 17),
            ("2.5WAL", 2_500_000_000),
            ("0.000000001 WAL", 1),
            ("5000000000WAL", 5_000_000_000_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Frost(amount)), "{text}");
        }
        for text in [
            "",
            "WAL",
            ".5WAL",
            "1.WAL",
            "-1",
            "+1",
            "1e9",
            "1.5",
            "0.0000000001WAL",
            "9223372036854775808",
            "9999999999999WAL",
        ] {
            assert!(text.parse::<Frost>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read(amount in 0..=Frost::MAX.0) {
            prop_assert_eq!(Frost(amount).to_string().parse(), Ok(Frost(amount)));
        }
    }
}
