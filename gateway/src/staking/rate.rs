//! The exchange rate of a pool: what its shares are worth in one epoch.

use crate::domain::money::frost::Frost;

use super::proportion::share_down;

/// A pool's stake and its shares at the end of an epoch, before stake comes or goes (`exchange_rate` at Walrus). If either
/// is zero, a share is worth a FROST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExchangeRate {
    /// The active stake with its rewards, in FROST.
    pub wal: Frost,
    /// The shares of it.
    pub shares: u128,
}

impl ExchangeRate {
    const fn is_flat(self) -> bool {
        self.wal.is_zero() || self.shares == 0
    }

    /// The shares that `amount` buys: `floor(amount * shares / wal)`.
    #[must_use]
    pub fn shares_of(self, amount: Frost) -> u128 {
        if self.is_flat() {
            return u128::from(amount.0);
        }
        share_down(u128::from(amount.0), self.shares, u128::from(self.wal.0))
    }

    /// What `shares` are worth: `floor(shares * wal / shares)`, at most [`Frost::MAX`].
    #[must_use]
    pub fn worth_of(self, shares: u128) -> Frost {
        let worth = if self.is_flat() { shares } else { share_down(shares, u128::from(self.wal.0), self.shares) };
        u64::try_from(worth).map_or(Frost::MAX, |worth| Frost(worth).min(Frost::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_pool_has_a_flat_rate() {
        assert_eq!(ExchangeRate::default().shares_of(Frost(7)), 7);
        assert_eq!(ExchangeRate { wal: Frost(5), shares: 0 }.worth_of(7), Frost(7));
    }

    #[test]
    fn both_ways_are_rounded_down() {
        let rate = ExchangeRate { wal: Frost(110), shares: 100 };
        assert_eq!(rate.shares_of(Frost(10)), 9);
        assert_eq!(rate.worth_of(9), Frost(9));
    }

    proptest! {
        #[test]
        fn to_and_fro_gains_nothing(wal in 1u64..1 << 62, shares in 1u128..1 << 90, amount in 0u64..1 << 62) {
            let rate = ExchangeRate { wal: Frost(wal), shares };
            prop_assert!(rate.worth_of(rate.shares_of(Frost(amount))) <= Frost(amount));
        }
    }
}
