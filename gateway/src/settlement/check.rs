//! What inputs must be before they are planned: sorted, without doubles, within bounds, and consistent.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::frost::Frost;
use crate::staking::WHOLE_BP;

use super::charging::owed_by;
use super::inputs::{EpochInputs, ProviderFacts, StakeFacts, StakePhase, Verdicts};

/// The longest epoch: a year.
const LENGTH_MICROS_MAX: u64 = 366 * 86_400_000_000;
/// Epochs, ages and counts of audits end here.
const COUNT_MAX: u64 = 1 << 40;
/// Byte-time ends here: 2^60 bytes for a year.
const BYTE_MICROS_MAX: u128 = 1 << 106;
/// Shares of a pool end here.
const SHARES_MAX: u128 = 1 << 100;

/// Inputs that can't be planned. The text says what is wrong with which of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the inputs of the epoch are not valid: {0}")]
pub struct InputsError(pub String);

type Checked = Result<(), InputsError>;

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(InputsError(message())) }
}

/// Checks inputs that are sorted.
///
/// # Errors
/// [`InputsError`] names the first that is wrong.
pub fn check(inputs: &EpochInputs) -> Checked {
    ensure((1..=COUNT_MAX).contains(&inputs.epoch.0), || "the epoch is out of range".to_owned())?;
    ensure((1..=LENGTH_MICROS_MAX).contains(&inputs.length_micros), || "the length is out of range".to_owned())?;
    ensure(!inputs.caught_up || inputs.evidence.is_empty(), || {
        "a caught-up epoch carries no evidence: it waits for the next".to_owned()
    })?;
    check_payers(inputs)?;
    let mut providers = BTreeMap::new();
    for facts in &inputs.providers {
        check_provider(facts)?;
        let known = providers.insert(facts.provider.as_str(), facts).is_some();
        ensure(!known, || format!("provider {} is there twice", facts.provider))?;
    }
    check_losses(inputs, &providers)?;
    check_evidence(inputs, &providers)?;
    check_open_periods(inputs, &providers)?;
    check_stakes(inputs, &providers)?;
    check_floors(inputs, &providers)?;
    check_sum(inputs)
}

fn check_name(name: &str) -> Checked {
    ensure(format!("provider/{name}").parse::<LedgerAccount>().is_ok(), || {
        format!("`{}` is no name", name.chars().take(80).collect::<String>())
    })
}

fn check_payers(inputs: &EpochInputs) -> Checked {
    let mut accounts = BTreeSet::new();
    for payer in &inputs.payers {
        let pays = matches!(payer.account, LedgerAccount::Payer(_) | LedgerAccount::Bucket(_));
        ensure(pays && payer.account.to_string().parse().as_ref() == Ok(&payer.account), || {
            format!("`{}` is no payer", payer.account)
        })?;
        ensure(accounts.insert(&payer.account), || format!("`{}` is there twice", payer.account))?;
    }
    let mut buckets = BTreeSet::new();
    for bucket in &inputs.buckets {
        check_name(&bucket.bucket)?;
        ensure(buckets.insert(&bucket.bucket), || format!("bucket {} is there twice", bucket.bucket))?;
        ensure(accounts.contains(&bucket.payer), || format!("nobody pays for bucket {}", bucket.bucket))?;
        ensure(bucket.usage.byte_micros <= BYTE_MICROS_MAX, || format!("bucket {} holds too much", bucket.bucket))?;
    }
    Ok(())
}

fn counts(verdicts: &Verdicts) -> bool {
    [verdicts.passed, verdicts.missing, verdicts.wrong, verdicts.silent, verdicts.pending]
        .iter()
        .all(|count| *count <= COUNT_MAX)
}

fn check_provider(facts: &ProviderFacts) -> Checked {
    check_name(&facts.provider)?;
    let pool = &facts.pool;
    let holds = [
        (1..=COUNT_MAX).contains(&facts.age),
        facts.vetting <= COUNT_MAX,
        facts.byte_micros <= BYTE_MICROS_MAX && facts.trash_byte_micros <= BYTE_MICROS_MAX,
        counts(&facts.verdicts) && facts.passed_own <= facts.verdicts.passed,
        facts.commission_bp <= WHOLE_BP,
        facts.owed <= Frost::MAX,
        pool.shares <= SHARES_MAX && pool.positions <= COUNT_MAX,
        pool.rewards <= Frost::MAX,
        pool.positions > 0 || (pool.wal.is_zero() && pool.shares == 0 && pool.rewards.is_zero()),
    ];
    ensure(holds.iter().all(|holds| *holds), || format!("the facts of provider {} are out of range", facts.provider))
}

type Providers<'a> = BTreeMap<&'a str, &'a ProviderFacts>;

fn known<'a>(providers: &Providers<'a>, name: &str) -> Result<&'a ProviderFacts, InputsError> {
    let unknown = || InputsError(format!("there is no provider {}", name.chars().take(80).collect::<String>()));
    providers.get(name).copied().ok_or_else(unknown)
}

fn check_losses(inputs: &EpochInputs, providers: &Providers<'_>) -> Checked {
    let mut lost: BTreeMap<&str, u128> = BTreeMap::new();
    let mut until: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for loss in &inputs.losses {
        check_name(&loss.sliver)?;
        let facts = known(providers, &loss.provider)?;
        let of_sliver = until.entry((&loss.provider, &loss.sliver)).or_default();
        ensure(*of_sliver <= loss.from_micros && loss.from_micros < loss.until_micros, || {
            format!("the loss of {} overlaps or has no length", loss.sliver)
        })?;
        ensure(loss.until_micros <= inputs.length_micros, || format!("the loss of {} ends too late", loss.sliver))?;
        *of_sliver = loss.until_micros;
        let sum = lost.entry(&loss.provider).or_default();
        *sum = sum.saturating_add(loss.byte_micros());
        ensure(*sum <= facts.byte_micros, || format!("{} lost more than it held", loss.provider))?;
    }
    Ok(())
}

fn check_evidence(inputs: &EpochInputs, providers: &Providers<'_>) -> Checked {
    let mut ids = BTreeSet::new();
    for evidence in &inputs.evidence {
        check_name(&evidence.id)?;
        known(providers, &evidence.provider)?;
        ensure(ids.insert(&evidence.id), || format!("evidence {} is there twice", evidence.id))?;
    }
    Ok(())
}

fn check_open_periods(inputs: &EpochInputs, providers: &Providers<'_>) -> Checked {
    let mut periods = BTreeSet::new();
    for period in &inputs.open_periods {
        known(providers, &period.provider)?;
        let holds = (1..inputs.epoch.0).contains(&period.epoch.0) && counts(&period.verdicts);
        ensure(holds && periods.insert((&period.provider, period.epoch)), || {
            format!("the open period {} of {} is out of range or there twice", period.epoch, period.provider)
        })?;
    }
    Ok(())
}

fn check_stakes(inputs: &EpochInputs, providers: &Providers<'_>) -> Checked {
    let (mut ids, mut held) = (BTreeSet::new(), BTreeMap::<&str, (u128, u64)>::new());
    for stake in &inputs.stakes {
        check_name(&stake.stake)?;
        check_name(&stake.staker)?;
        let facts = known(providers, &stake.provider)?;
        ensure(ids.insert(&stake.stake), || format!("stake {} is there twice", stake.stake))?;
        ensure(has_sense(stake), || format!("stake {} is out of range", stake.stake))?;
        if stake.phase != StakePhase::Arriving {
            let (shares, positions) = held.entry(&stake.provider).or_default();
            *shares = shares.saturating_add(stake.shares);
            *positions += 1;
            ensure(*shares <= facts.pool.shares && *positions <= facts.pool.positions, || {
                format!("the pool of {} has fewer shares or positions than its stakes", stake.provider)
            })?;
        }
    }
    Ok(())
}

/// Arriving stake has no shares yet, and others' stake is named only when it moves.
fn has_sense(stake: &StakeFacts) -> bool {
    let shares = stake.phase != StakePhase::Arriving || stake.shares == 0;
    let named = stake.own || stake.phase != StakePhase::Active;
    shares && named && !stake.principal.is_zero() && stake.principal <= Frost::MAX
}

/// Floors of one cluster, each of a provider that has one key, in force by now. Their signatures are good: there are no others of their type.
fn check_floors(inputs: &EpochInputs, providers: &Providers<'_>) -> Checked {
    ensure(inputs.floors.is_empty() || inputs.book == Book::On, || "floors are for money that is charged".to_owned())?;
    let cluster = inputs.floors.first().map(|facts| facts.floor.cluster);
    let (mut names, mut nodes) = (BTreeSet::new(), BTreeSet::new());
    for facts in &inputs.floors {
        let (name, floor) = (&facts.provider, &facts.floor);
        known(providers, name)?;
        ensure(names.insert(name) && nodes.insert(floor.node), || {
            format!("the floor of {name} is there twice, or another provider has its key")
        })?;
        let amounts = Frost(floor.storage) <= Frost::MAX && Frost(floor.write) <= Frost::MAX;
        let holds = Some(floor.cluster) == cluster && (1..=inputs.epoch.0).contains(&floor.epoch) && amounts;
        ensure(holds, || format!("the floor of {name} is of another cluster, not in force, or out of range"))?;
    }
    Ok(())
}

/// All money that the plan can touch fits into one amount: then no sum in it overflows.
fn check_sum(inputs: &EpochInputs) -> Checked {
    let amounts = [inputs.repair_fund, inputs.remainder].into_iter();
    let amounts = amounts.chain(inputs.providers.iter().flat_map(|facts| [facts.holdback, facts.pool.wal]));
    let amounts = amounts.chain(inputs.open_periods.iter().map(|period| period.reserved));
    let amounts = amounts.chain(inputs.stakes.iter().map(|stake| stake.principal));
    let amounts = amounts.chain(inputs.buckets.iter().map(|bucket| owed_by(inputs, bucket).total()));
    let sum = amounts.fold(0u128, |sum, amount| sum.saturating_add(u128::from(amount.0)));
    let funds = inputs.payers.iter().filter_map(|payer| payer.funds).all(|funds| funds <= Frost::MAX);
    let prices = &inputs.prices;
    let dear = [prices.storage, prices.write, prices.requests_read, prices.requests_write, prices.egress];
    ensure(funds && dear.iter().all(|price| *price <= Frost::MAX) && sum <= u128::from(Frost::MAX.0), || {
        "it is about more money than there can be".to_owned()
    })
}
