//! How far prices move from one epoch to the next.

use crate::domain::money::frost::Frost;
use crate::domain::money::price::Prices;

/// The prices of the next epoch where others are wanted: each moves by at most a fifth, rounded up, so that small ones move too. One that was
/// zero is what is wanted at once: nothing was paid for it, so there is nothing to compare with.
#[must_use]
pub fn next_prices(now: &Prices, wanted: &Prices) -> Prices {
    Prices {
        storage: step(now.storage, wanted.storage),
        write: step(now.write, wanted.write),
        requests_read: step(now.requests_read, wanted.requests_read),
        requests_write: step(now.requests_write, wanted.requests_write),
        egress: step(now.egress, wanted.egress),
    }
}

fn step(now: Frost, wanted: Frost) -> Frost {
    if now.is_zero() {
        return wanted.min(Frost::MAX);
    }
    let most = now.0.div_ceil(5);
    Frost(wanted.0.clamp(now.0.saturating_sub(most), now.0.saturating_add(most))).min(Frost::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_move_by_a_fifth_at_most() {
        let steps = [(100, 200), (100, 110), (100, 1), (1, 9), (1, 0), (0, 50), (50, 50)];
        let next = steps.map(|(now, wanted)| step(Frost(now), Frost(wanted)).0);
        assert_eq!(next, [120, 110, 80, 2, 0, 50, 50]);
        assert_eq!(step(Frost(1 << 62), Frost(u64::MAX)).0, (1 << 62) + (1_u64 << 62).div_ceil(5));
    }
}
