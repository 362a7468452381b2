//! What a published text of inputs says that whoever verifies it knows from the ledger and from the epochs before.

use std::collections::BTreeMap;

use crate::domain::money::account::LedgerAccount;
use crate::domain::money::frost::Frost;
use crate::ledger::log::verify::{Claims, PlannedEpoch};
use crate::staking::Pool;

use super::inputs::{EpochInputs, StakePhase};
use super::parse::parse;
use super::periods::Outcome;
use super::plan::{Plan, plan};
use super::stake_turn::StakeOutcome;

/// What the rules give for the published inputs of an epoch, and what can be compared with other epochs.
///
/// # Errors
/// Why the text is no inputs, or they give no plan.
pub fn planned_epoch(text: &[u8]) -> Result<PlannedEpoch, String> {
    let inputs = parse(text).map_err(|error| error.to_string())?;
    let plan = plan(&inputs).map_err(|error| error.to_string())?;
    let claims = Some(claims(&inputs, &plan));
    Ok(PlannedEpoch { transfers: plan.transfers, claims })
}

fn claims(inputs: &EpochInputs, plan: &Plan) -> Claims {
    let mut balances =
        BTreeMap::from([(LedgerAccount::RepairFund, inputs.repair_fund), (LedgerAccount::Remainder, inputs.remainder)]);
    balances.extend(inputs.payers.iter().filter_map(|payer| Some((payer.account.clone(), payer.funds?))));
    let holdback = |name: &String, amount| (LedgerAccount::Holdback(name.clone()), amount);
    balances.extend(inputs.providers.iter().map(|facts| holdback(&facts.provider, facts.holdback)));
    let moving = inputs.stakes.iter().filter(|stake| stake.phase != StakePhase::Arriving);
    let shares_after = plan.stakes.iter().map(|change| match change.outcome {
        StakeOutcome::Active(shares) | StakeOutcome::Waits(shares) => (change.stake.clone(), Some(shares)),
        StakeOutcome::Paid(_) => (change.stake.clone(), None),
    });
    Claims {
        book: inputs.book,
        prices: inputs.prices,
        balances,
        balances_least: pools(inputs),
        before: before(inputs),
        after: after(plan),
        shares_before: moving.map(|stake| (stake.stake.clone(), stake.shares)).collect(),
        shares_after: shares_after.collect(),
    }
}

/// A pool's account has its active stake and what is arriving; stake that arrives later is in it too.
fn pools(inputs: &EpochInputs) -> BTreeMap<LedgerAccount, Frost> {
    let pool = |name: &String| LedgerAccount::Pool(name.clone());
    let mut least: BTreeMap<_, _> =
        inputs.providers.iter().map(|facts| (pool(&facts.provider), facts.pool.wal)).collect();
    for stake in inputs.stakes.iter().filter(|stake| stake.phase == StakePhase::Arriving) {
        let of = least.entry(pool(&stake.provider)).or_default();
        *of = [*of, stake.principal].into_iter().sum();
    }
    least.retain(|_, amount| !amount.is_zero());
    least
}

fn before(inputs: &EpochInputs) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for open in &inputs.open_periods {
        values.insert(format!("open {} {}", open.provider, open.epoch), open.reserved.0.to_string());
    }
    for facts in &inputs.providers {
        add_provider(&mut values, &facts.provider, facts.owed, facts.half_returned);
        add_pool(&mut values, &facts.provider, &facts.pool);
    }
    values
}

fn after(plan: &Plan) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for period in &plan.periods {
        if let Outcome::Open { reserved } = period.outcome {
            values.insert(format!("open {} {}", period.provider, period.epoch), reserved.0.to_string());
        }
    }
    for change in &plan.providers {
        add_provider(&mut values, &change.provider, change.owed, change.half_returned);
    }
    for change in &plan.pools {
        add_pool(&mut values, &change.provider, &change.pool);
    }
    values
}

/// What is nothing is not there, so that a provider that comes is no difference.
fn add_provider(values: &mut BTreeMap<String, String>, name: &str, owed: Frost, half_returned: bool) {
    if !owed.is_zero() {
        values.insert(format!("owed {name}"), owed.0.to_string());
    }
    if half_returned {
        values.insert(format!("half-returned {name}"), "yes".to_owned());
    }
}

fn add_pool(values: &mut BTreeMap<String, String>, name: &str, pool: &Pool) {
    let Pool { wal, shares, rewards, positions } = pool;
    if *positions > 0 || !wal.is_zero() {
        values.insert(format!("pool {name}"), format!("{} {shares} {} {positions}", wal.0, rewards.0));
    }
}
