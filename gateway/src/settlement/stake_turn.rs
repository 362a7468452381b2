//! The boundary of pools: stake that becomes active, stake that is paid back.

use crate::domain::money::account::LedgerAccount;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::TransferCode;
use crate::staking::{Departure, ExchangeRate, Pool};

use super::draft::Draft;
use super::inputs::{StakeFacts, StakePhase};
use super::slashing::OwnShares;

/// A pool after the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolChange {
    /// Whose.
    pub provider: String,
    /// The rate of the epoch, at which stake came and went.
    pub rate: ExchangeRate,
    /// The pool with which the next epoch begins.
    pub pool: Pool,
}

/// What becomes of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StakeOutcome {
    /// It is active with so many shares.
    Active(u128),
    /// It is paid back, and no more.
    Paid(Frost),
    /// It stays for another epoch with so many shares, because a period of its provider is open.
    Waits(u128),
}

/// A position that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StakeChange {
    /// The id of the position.
    pub stake: String,
    /// What becomes of it.
    pub outcome: StakeOutcome,
}

/// Lets stake come and go in every pool. `slashed` has the shares of own positions that lost some.
pub(super) fn turn_pools(draft: &mut Draft<'_>, slashed: &OwnShares<'_>) -> (Vec<PoolChange>, Vec<StakeChange>) {
    let inputs = draft.inputs;
    let (mut pools, mut changes) = (Vec::new(), Vec::new());
    let shares_of = |stake: &StakeFacts| slashed.get(stake.stake.as_str()).copied().unwrap_or(stake.shares);
    for at in 0..draft.accounts.len() {
        let facts = draft.accounts[at].facts;
        let waits = draft.accounts[at].waits;
        let of_pool = || inputs.stakes.iter().filter(|stake| stake.provider == facts.provider);
        let arriving: Vec<_> = of_pool().filter(|stake| stake.phase == StakePhase::Arriving).collect();
        let leaving: Vec<_> = of_pool().filter(|stake| stake.phase == StakePhase::Leaving && !waits).collect();
        let departures: Vec<_> =
            leaving.iter().map(|stake| Departure { principal: stake.principal, shares: shares_of(stake) }).collect();
        let principals: Vec<_> = arriving.iter().map(|stake| stake.principal).collect();
        let turn = draft.accounts[at].pool.turn(&principals, &departures);

        for (stake, payout) in leaving.iter().zip(&turn.payouts) {
            let (debit, credit) =
                (LedgerAccount::Pool(facts.provider.clone()), LedgerAccount::Staker(stake.staker.clone()));
            draft.postings.post(TransferCode::Unstake, debit, credit, *payout, &stake.stake);
        }
        let debit = LedgerAccount::Pool(facts.provider.clone());
        draft.postings.post(TransferCode::Remainder, debit, LedgerAccount::Remainder, turn.rest, "rest of the pool");

        let mut change =
            |stake: &StakeFacts, outcome| changes.push(StakeChange { stake: stake.stake.clone(), outcome });
        arriving.iter().zip(&turn.shares).for_each(|(stake, shares)| change(stake, StakeOutcome::Active(*shares)));
        leaving.iter().zip(&turn.payouts).for_each(|(stake, payout)| change(stake, StakeOutcome::Paid(*payout)));
        for stake in of_pool() {
            match stake.phase {
                StakePhase::Leaving if waits => change(stake, StakeOutcome::Waits(shares_of(stake))),
                StakePhase::Active if slashed.contains_key(stake.stake.as_str()) => {
                    change(stake, StakeOutcome::Active(shares_of(stake)));
                }
                _ => {}
            }
        }
        pools.push(PoolChange { provider: facts.provider.clone(), rate: turn.rate, pool: draft.accounts[at].pool });
    }
    changes.sort_unstable_by(|a, b| a.stake.cmp(&b.stake));
    (pools, changes)
}
