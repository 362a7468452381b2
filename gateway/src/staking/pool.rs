//! A provider's pool: its own stake and what is delegated to it, in shares.
//!
//! The end of an epoch goes in Walrus's order: rewards, slashing, the exchange rate, then stake that comes and goes at it.

use crate::domain::money::frost::Frost;

use super::proportion::share_up;
use super::rate::ExchangeRate;

/// The least that may be staked at a time, as at Walrus: one share is then worth so little that what rounding takes of it is nothing.
pub const STAKE_MIN: Frost = Frost(Frost::PER_WAL);

/// The active stake of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// Active stake with its rewards, in FROST.
    pub wal: Frost,
    /// Its shares.
    pub shares: u128,
    /// The rewards in it: no more than these is ever paid beyond principals.
    pub rewards: Frost,
    /// How many positions hold its shares.
    pub positions: u64,
}

/// Stake that leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// What was staked, in FROST.
    pub principal: Frost,
    /// The shares it has.
    pub shares: u128,
}

/// What the boundary between two epochs does to a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// The rate of the epoch that ends, at which stake came and went.
    pub rate: ExchangeRate,
    /// The shares that each arrival buys, in their order.
    pub shares: Vec<u128>,
    /// What each departure is paid, in their order.
    pub payouts: Vec<Frost>,
    /// What rounding leaves of the departures, and what is left in a pool that nobody holds shares of.
    pub rest: Frost,
}

impl Pool {
    /// The rate at which stake comes and goes.
    #[must_use]
    pub const fn rate(&self) -> ExchangeRate {
        ExchangeRate { wal: self.wal, shares: self.shares }
    }

    /// Adds the stakers' part of a reward. A pool without positions has no one to give it to: the caller asks first.
    pub fn add_reward(&mut self, reward: Frost) {
        self.wal = [self.wal, reward].into_iter().sum();
        self.rewards = [self.rewards, reward].into_iter().sum();
    }

    /// Takes up to `amount` out of the provider's own positions, whose shares `own` has, one after the other, with as many
    /// shares as are worth that, rounded up, so that the rate of the others doesn't fall. Returns what was taken.
    pub fn slash_own(&mut self, amount: Frost, own: &mut [u128]) -> Frost {
        let mut left = amount;
        for held in own {
            let rate = self.rate();
            let taken = left.min(rate.worth_of(*held)).min(self.wal);
            if taken.is_zero() {
                continue;
            }
            let shares = share_up(u128::from(taken.0), rate.shares, u128::from(rate.wal.0)).min(*held);
            *held -= shares;
            self.shares = self.shares.saturating_sub(shares);
            self.wal = self.wal.saturating_sub(taken);
            left = left.saturating_sub(taken);
        }
        amount.saturating_sub(left)
    }

    /// Takes up to `amount` from all positions alike: the rate falls. Returns what was taken.
    pub fn slash_all(&mut self, amount: Frost) -> Frost {
        let taken = amount.min(self.wal);
        self.wal = self.wal.saturating_sub(taken);
        taken
    }

    /// Steps 4 and 5 of Walrus's order: the rate is taken, `arrivals` come and `departures` go, `shares' = floor(wal' * shares / wal)`.
    /// A departure is paid `floor(shares * wal / shares)`, and beyond its principal at most what the rewards still hold.
    pub fn turn(&mut self, arrivals: &[Frost], departures: &[Departure]) -> Turn {
        let rate = self.rate();
        let leaving: u128 = departures.iter().map(|departure| departure.shares).sum();
        let mut payouts = Vec::with_capacity(departures.len());
        for departure in departures {
            let worth = rate.worth_of(departure.shares).min(self.wal);
            let reward = worth.saturating_sub(departure.principal).min(self.rewards);
            self.rewards = self.rewards.saturating_sub(reward);
            payouts.push(worth.min([departure.principal, reward].into_iter().sum()));
        }
        let paid: Frost = payouts.iter().copied().sum();
        let withdrawn = rate.worth_of(leaving).min(self.wal);
        let came: Frost = arrivals.iter().copied().sum();
        self.wal = [self.wal.saturating_sub(withdrawn), came].into_iter().sum();
        self.shares = rate.shares_of(self.wal);
        let left = self.positions.saturating_sub(departures.len() as u64);
        self.positions = left + arrivals.len() as u64;
        let mut rest = withdrawn.saturating_sub(paid);
        if self.positions == 0 {
            rest = [rest, self.wal].into_iter().sum();
            *self = Self::default();
        }
        let shares = arrivals.iter().map(|principal| rate.shares_of(*principal)).collect();
        Turn { rate, shares, payouts, rest }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pool_of(principals: &[u64]) -> (Pool, Vec<u128>) {
        let mut pool = Pool::default();
        let arrivals: Vec<_> = principals.iter().copied().map(Frost).collect();
        let turn = pool.turn(&arrivals, &[]);
        (pool, turn.shares)
    }

    fn leave(pool: &mut Pool, principal: u64, shares: u128) -> Turn {
        pool.turn(&[], &[Departure { principal: Frost(principal), shares }])
    }

    #[test]
    fn rewards_are_shared_by_stake_and_late_stake_has_none_of_them() {
        let (mut pool, shares) = pool_of(&[300, 100]);
        pool.add_reward(Frost(40));
        assert_eq!(pool.turn(&[Frost(110)], &[]).shares, [100]);
        assert_eq!(leave(&mut pool, 300, shares[0]).payouts, [Frost(330)]);
        assert_eq!(leave(&mut pool, 100, shares[1]).payouts, [Frost(110)]);
        assert_eq!(leave(&mut pool, 110, 100).payouts, [Frost(110)]);
        assert_eq!(pool, Pool::default());
    }

    #[test]
    fn own_stake_is_slashed_before_that_of_others() {
        let (mut pool, shares) = pool_of(&[100, 900]);
        let mut own = [shares[0]];
        assert_eq!(pool.slash_own(Frost(60), &mut own), Frost(60));
        assert_eq!(own[0], 40);
        assert_eq!(pool.rate().worth_of(shares[1]), Frost(900), "others lose nothing");
        assert_eq!(pool.slash_own(Frost(60), &mut own), Frost(40), "there is no more of its own");
        assert_eq!(pool.slash_all(Frost(90)), Frost(90));
        assert_eq!(pool.rate().worth_of(shares[1]), Frost(810));
    }

    #[test]
    fn the_last_who_leaves_leaves_an_empty_pool() {
        let (mut pool, shares) = pool_of(&[3]);
        pool.add_reward(Frost(4));
        let late = pool.turn(&[Frost(3)], &[]).shares[0];
        let departures = [shares[0], late].map(|shares| Departure { principal: Frost(3), shares });
        let turn = pool.turn(&[], &departures);
        assert_eq!((turn.payouts, turn.rest), (vec![Frost(7), Frost(2)], Frost(1)), "what rounding leaves is named");
        assert_eq!(pool, Pool::default());
    }

    /// What happens to a pool in one epoch: a reward, and who comes and who goes.
    fn epochs() -> impl Strategy<Value = Vec<(u64, Vec<u64>, Vec<usize>)>> {
        let epoch = (
            0u64..1_000_000,
            proptest::collection::vec(1u64..1_000_000_000, 0..4),
            proptest::collection::vec(0usize..10, 0..3),
        );
        proptest::collection::vec(epoch, 1..30)
    }

    /// Plays the epochs and holds each against the rules.
    fn play(epochs: &[(u64, Vec<u64>, Vec<usize>)], with_rewards: bool) -> Result<(), TestCaseError> {
        let (mut pool, mut held, mut into, mut out) = (Pool::default(), Vec::<(u64, u128)>::new(), 0u64, 0u64);
        for (reward, arrivals, departures) in epochs {
            if with_rewards && pool.positions > 0 {
                pool.add_reward(Frost(*reward));
                into += reward;
            }
            let mut leaving = Vec::new();
            for at in departures {
                if !held.is_empty() {
                    leaving.push(held.swap_remove(at % held.len()));
                }
            }
            let departures: Vec<_> = leaving
                .iter()
                .map(|(principal, shares)| Departure { principal: Frost(*principal), shares: *shares })
                .collect();
            let coming: Vec<_> = arrivals.iter().copied().map(Frost).collect();
            let turn = pool.turn(&coming, &departures);
            into += arrivals.iter().sum::<u64>();
            out += turn.payouts.iter().map(|payout| payout.0).sum::<u64>() + turn.rest.0;
            held.extend(arrivals.iter().copied().zip(turn.shares));
            if !with_rewards {
                for (paid, (principal, _)) in turn.payouts.iter().zip(&leaving) {
                    prop_assert!(paid.0 <= *principal, "without rewards nobody is paid more than was put in");
                }
            }
            prop_assert_eq!(into, out + pool.wal.0, "every FROST is in the pool or was paid");
            prop_assert!(held.iter().map(|(_, shares)| shares).sum::<u128>() <= pool.shares, "shares are covered");
            prop_assert_eq!(pool.positions, held.len() as u64);
            let worth: u64 = held.iter().map(|(_, shares)| pool.rate().worth_of(*shares).0).sum();
            prop_assert!(worth <= pool.wal.0, "everyone could leave at once");
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn a_pool_pays_what_it_has_and_no_more(epochs in epochs()) {
            play(&epochs, true)?;
        }

        #[test]
        fn to_come_and_go_without_rewards_gains_nothing(epochs in epochs()) {
            play(&epochs, false)?;
        }

        /// Slashing takes what it says, and the provider's own stake shields the rest.
        #[test]
        fn slashing_is_exact(own in 1u64..1 << 40, others in 1u64..1 << 40, reward in 0u64..1 << 30, slash in 0u64..1 << 41) {
            let (mut pool, shares) = pool_of(&[own, others]);
            pool.add_reward(Frost(reward));
            let before = pool.rate();
            let mut positions = [shares[0]];
            let taken = pool.slash_own(Frost(slash), &mut positions);
            prop_assert!(taken <= before.worth_of(shares[0]) && taken <= Frost(slash));
            prop_assert_eq!(pool.wal.0 + taken.0, before.wal.0);
            prop_assert!(pool.rate().worth_of(shares[1]) >= before.worth_of(shares[1]));
            let rest = pool.slash_all(Frost(slash).saturating_sub(taken));
            prop_assert_eq!(pool.wal.0 + taken.0 + rest.0, before.wal.0);
        }
    }
}
