//! Stake between rows and plans, and what it comes to for placement.

use std::collections::BTreeMap;

use crate::domain::money::frost::Frost;
use crate::metadata::{PoolRow, SettledStake, SettledStakes, SettlementFacts, StakeRow, StakeRows};
use crate::settlement::inputs::{EpochInputs, StakeFacts, StakePhase, Standing};
use crate::settlement::plan::Plan;
use crate::settlement::stake_turn::StakeOutcome;
use crate::staking::{Candidacy, Pool, settled_weight, weights};

/// The pool of a provider.
pub(in crate::settlement) fn pool_of(rows: &StakeRows, provider: &str) -> Pool {
    let PoolRow { wal, shares, rewards, positions } = rows.pools.get(provider).copied().unwrap_or_default();
    Pool { wal, shares, rewards, positions }
}

/// What the plan is to know of stakes.
pub(in crate::settlement) fn stake_facts(rows: &StakeRows) -> Vec<StakeFacts> {
    let facts = |phase| {
        move |row: &StakeRow| StakeFacts {
            stake: row.id.clone(),
            staker: row.staker.clone(),
            provider: row.provider.clone(),
            principal: row.principal,
            shares: row.shares,
            own: row.is_own,
            phase,
        }
    };
    let arriving = rows.arriving.iter().map(facts(StakePhase::Arriving));
    let leaving = rows.leaving.iter().map(facts(StakePhase::Leaving));
    arriving.chain(leaving).chain(rows.own.iter().map(facts(StakePhase::Active))).collect()
}

/// The providers that stakes are about.
pub(in crate::settlement) fn providers_of(rows: &StakeRows) -> impl Iterator<Item = &String> {
    let stakes = rows.arriving.iter().chain(&rows.leaving).chain(&rows.own).map(|row| &row.provider);
    rows.pools.keys().chain(stakes)
}

/// What becomes of stake by a plan.
pub(in crate::settlement) fn settled(
    plan: &Plan,
    facts: &SettlementFacts,
    inputs: &EpochInputs,
    capacities: &BTreeMap<String, u64>,
) -> SettledStakes {
    let is_there = |provider: &String, rows: [&PoolRow; 2]| {
        facts.stakes.pools.contains_key(provider) || rows.iter().any(|row| row.positions > 0 || !row.wal.is_zero())
    };
    let pools = plan.pools.iter().map(|change| {
        let Pool { wal, shares, rewards, positions } = change.pool;
        let rate = PoolRow { wal: change.rate.wal, shares: change.rate.shares, ..PoolRow::default() };
        (change.provider.clone(), rate, PoolRow { wal, shares, rewards, positions })
    });
    let stakes = plan.stakes.iter().map(|change| {
        let outcome = match change.outcome {
            StakeOutcome::Active(shares) | StakeOutcome::Waits(shares) => SettledStake::Active(shares),
            StakeOutcome::Paid(amount) => SettledStake::Paid(amount),
        };
        (change.stake.clone(), outcome)
    });
    SettledStakes {
        pools: pools.filter(|(provider, rate, pool)| is_there(provider, [rate, pool])).collect(),
        stakes: stakes.collect(),
        weights: placement_weights(plan, facts, inputs, capacities),
    }
}

/// The share of new slivers of each provider, by stake and capacity; none where nobody has staked. A weight stays while the new one is
/// within a tenth of it. A backend of the operator needs no vetting. Who gives no word about its capacity counts with the
/// largest that is known.
fn placement_weights(
    plan: &Plan,
    facts: &SettlementFacts,
    inputs: &EpochInputs,
    capacities: &BTreeMap<String, u64>,
) -> BTreeMap<String, u64> {
    let stake: BTreeMap<_, _> = plan.pools.iter().map(|change| (&change.provider, change.pool.wal)).collect();
    if stake.values().all(|wal| wal.is_zero()) {
        return BTreeMap::new();
    }
    let largest = capacities.values().copied().max().unwrap_or(1).max(1);
    let candidates = plan.providers.iter().map(|change| {
        let name = &change.provider;
        let facts_of = inputs.providers.iter().find(|facts| facts.provider == *name);
        let is_active = facts_of.is_some_and(|facts| facts.standing == Standing::Active);
        let is_operators = facts.staking.get(name).is_some_and(|provider| provider.node_key.is_empty());
        let candidacy = Candidacy {
            stake: stake.get(name).copied().unwrap_or(Frost::ZERO).0,
            capacity: capacities.get(name).copied().unwrap_or(largest),
            vetted: change.vetted || is_operators,
            takes: is_active && !change.suspend,
        };
        (name.clone(), candidacy)
    });
    let settled = |(name, new): (String, u64)| {
        let weight = facts.stakes.weights.get(&name).map_or(new, |old| settled_weight(*old, new));
        (name, weight)
    };
    weights(&candidates.collect(), &inputs.parameters).into_iter().map(settled).collect()
}
