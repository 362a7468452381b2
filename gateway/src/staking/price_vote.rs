//! Prices by votes: what the next epoch costs. And the floors below which providers take nothing.

use backends::node::protocol::SignedPriceFloor;

use crate::domain::money::frost::Frost;
use crate::domain::money::price::Prices;

use super::parameters::{Parameter, Parameters, WHOLE_BP};
use super::percentile::{Vote, percentile};
use super::proportion::{share_down, share_up};

/// A floor may be this many times the price in force, or [`FLOOR_FREE`] if that is more.
const FLOOR_TIMES: u64 = 10;

/// Floors up to here are in range at any price, in FROST.
const FLOOR_FREE: u64 = 1_000_000;

/// How many epochs ahead of the one that is voted in a floor may begin. One for a far epoch could not be replaced by one for a sooner.
pub const FLOOR_AHEAD_EPOCHS_MAX: u64 = 4;

/// The prices that a provider asks for, with the weight of its stake. A provider that never voted asks for what is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceVote {
    /// FROST per encoded MiB and epoch.
    pub storage: Frost,
    /// FROST per encoded MiB that comes.
    pub write: Frost,
    /// The stake behind it, in FROST.
    pub weight: u64,
}

/// The lowest prices for which a provider takes new slivers, as it signs them. Integers only: a text with an exponent can't
/// be one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PriceFloor {
    /// FROST per encoded MiB and epoch.
    pub storage: Frost,
    /// FROST per encoded MiB that comes.
    pub write: Frost,
}

/// A floor that no price could reach in years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a price floor of {floor} FROST is out of range: at most {most} at the prices in force")]
pub struct FloorError {
    /// What was asked for, in FROST.
    pub floor: u64,
    /// What is allowed, in FROST.
    pub most: u64,
}

impl From<SignedPriceFloor> for PriceFloor {
    fn from(signed: SignedPriceFloor) -> Self {
        Self { storage: Frost(signed.storage), write: Frost(signed.write) }
    }
}

impl PriceFloor {
    /// The floor if it is in range.
    ///
    /// # Errors
    /// [`FloorError`] if one of its prices is more than ten times the one in force and more than a million FROST.
    pub fn checked(self, prices: &Prices) -> Result<Self, FloorError> {
        for (floor, price) in [(self.storage, prices.storage), (self.write, prices.write)] {
            let most = price.0.saturating_mul(FLOOR_TIMES).clamp(FLOOR_FREE, Frost::MAX.0);
            if floor.0 > most {
                return Err(FloorError { floor: floor.0, most });
            }
        }
        Ok(self)
    }

    /// Whether a provider with this floor takes new slivers at `prices`.
    #[must_use]
    pub fn accepts(self, prices: &Prices) -> bool {
        self.storage <= prices.storage && self.write <= prices.write
    }
}

/// The prices of the next epoch: the percentile of the votes, moved from those in force by at most `price_move_bp`. A price that
/// is too small for that to be a whole FROST moves by one. Prices that nobody votes on stay.
#[must_use]
pub fn next_prices(now: &Prices, votes: &[PriceVote], parameters: &Parameters) -> Prices {
    let by = |price: fn(&PriceVote) -> Frost| {
        let votes: Vec<_> = votes.iter().map(|vote| Vote { value: price(vote).0, weight: vote.weight }).collect();
        percentile(&votes)
    };
    let move_bp = parameters.get(Parameter::PriceMoveBp);
    Prices {
        storage: bounded(now.storage, by(|vote| vote.storage), move_bp),
        write: bounded(now.write, by(|vote| vote.write), move_bp),
        ..*now
    }
}

fn bounded(now: Frost, asked: Option<u64>, move_bp: u64) -> Frost {
    let Some(asked) = asked else { return now };
    let part = |bp: u64| (u128::from(now.0), u128::from(bp), u128::from(WHOLE_BP));
    let (amount, more, whole) = part(WHOLE_BP + move_bp);
    let most = u64::try_from(share_down(amount, more, whole)).unwrap_or(u64::MAX).max(now.0.saturating_add(1));
    let (amount, less, whole) = part(WHOLE_BP.saturating_sub(move_bp));
    let least = u64::try_from(share_up(amount, less, whole)).unwrap_or(u64::MAX).min(now.0.saturating_sub(1));
    Frost(asked.clamp(least, most)).min(Frost::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prices(storage: u64, write: u64) -> Prices {
        let zero = Frost::ZERO;
        let (storage, write) = (Frost(storage), Frost(write));
        Prices { storage, write, requests_read: zero, requests_write: zero, egress: zero }
    }

    fn vote(storage: u64, write: u64, weight: u64) -> PriceVote {
        PriceVote { storage: Frost(storage), write: Frost(write), weight }
    }

    #[test]
    fn the_percentile_rules_within_a_fifth() {
        let next = |votes: &[PriceVote]| next_prices(&prices(1_000, 10), votes, &Parameters::default());
        assert_eq!(next(&[vote(1_100, 11, 2), vote(900, 9, 1)]), prices(1_100, 11));
        assert_eq!(next(&[vote(9_999, 99, 1)]), prices(1_200, 12), "up");
        assert_eq!(next(&[vote(0, 0, 1)]), prices(800, 8), "down");
        assert_eq!(next(&[]), prices(1_000, 10), "nobody");
    }

    #[test]
    fn small_prices_are_not_stuck() {
        let next = |now, asked| next_prices(&prices(now, 0), &[vote(asked, 0, 1)], &Parameters::default()).storage.0;
        assert_eq!((next(0, 100), next(1, 100), next(1, 0), next(4, 0)), (1, 2, 0, 3));
    }

    #[test]
    fn floors_out_of_range_are_refused_and_others_keep_slivers_away() {
        let now = prices(2_100, 0);
        let floor = |storage| PriceFloor { storage: Frost(storage), write: Frost::ZERO };
        assert_eq!(floor(u64::MAX).checked(&now), Err(FloorError { floor: u64::MAX, most: 1_000_000 }));
        assert!(floor(1_000_000).checked(&now).is_ok());
        assert!(floor(2_100).accepts(&now) && !floor(2_101).accepts(&now));
    }

    proptest! {
        #[test]
        fn no_price_jumps(now in 0u64..1 << 62, asked in proptest::collection::vec((0u64..1 << 62, 1u64..100), 1..9)) {
            let votes: Vec<_> = asked.iter().map(|(price, weight)| vote(*price, 0, *weight)).collect();
            let next = next_prices(&prices(now, 0), &votes, &Parameters::default()).storage.0;
            prop_assert!(next.abs_diff(now) <= (now / 5).max(1));
        }
    }
}
