//! What holds for the plan of any epoch.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::any_facts::{any_facts, shuffled};
use crate::domain::money::account::LedgerAccount;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode};
use crate::settlement::simulation::Bank;
use crate::settlement::*;
use crate::staking::{Parameter, share_down, share_up};

fn total(plan: &Plan, matches: impl Fn(&Transfer) -> bool) -> u64 {
    plan.transfers.iter().filter(|transfer| matches(transfer)).map(|transfer| transfer.amount.0).sum()
}

/// A bank that has what the inputs say is there.
pub fn bank_of(inputs: &EpochInputs) -> Bank {
    let mut bank = Bank::default();
    let mut fill = |account, amount| bank.shift(LedgerAccount::Outside, account, amount);
    fill(LedgerAccount::RepairFund, inputs.repair_fund);
    fill(LedgerAccount::Remainder, inputs.remainder);
    for payer in &inputs.payers {
        fill(payer.account.clone(), payer.funds.unwrap_or(Frost(1 << 60)));
    }
    for facts in &inputs.providers {
        fill(LedgerAccount::Holdback(facts.provider.clone()), facts.holdback);
        fill(LedgerAccount::Pool(facts.provider.clone()), facts.pool.wal);
    }
    for stake in inputs.stakes.iter().filter(|stake| stake.phase == StakePhase::Arriving) {
        fill(LedgerAccount::Pool(stake.provider.clone()), stake.principal);
    }
    for period in &inputs.open_periods {
        fill(LedgerAccount::Escrow(period.epoch), period.reserved);
    }
    bank
}

fn reserved(plan: &Plan) -> BTreeMap<LedgerAccount, i128> {
    let mut reserved = BTreeMap::new();
    for period in &plan.periods {
        if let Outcome::Open { reserved: amount } = period.outcome {
            *reserved.entry(LedgerAccount::Escrow(period.epoch)).or_insert(0) += i128::from(amount.0);
        }
    }
    reserved
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Every account stays above zero on the way, all of them sum to zero, the escrows keep exactly what is reserved in them, and
    /// pools, holdbacks and fund have what the plan says they have.
    #[test]
    fn every_frost_is_somewhere(seed: u64) {
        let inputs = any_facts(seed);
        let plan = plan(&inputs).unwrap();
        let mut bank = bank_of(&inputs);
        let overdrawn = bank.apply(&plan.transfers);
        prop_assert!(overdrawn.is_empty(), "{:?} overdrawn", overdrawn);
        prop_assert_eq!(bank.sum(), 0);
        let mut reserved = reserved(&plan);
        for epoch in inputs.open_periods.iter().map(|period| period.epoch).chain([inputs.epoch]) {
            let escrow = LedgerAccount::Escrow(epoch);
            let kept = reserved.remove(&escrow).unwrap_or(0);
            prop_assert_eq!(bank.balance(&escrow), kept, "{}", escrow);
            reserved.insert(escrow, kept);
        }
        for change in &plan.pools {
            let pool = LedgerAccount::Pool(change.provider.clone());
            prop_assert_eq!(bank.balance(&pool), i128::from(change.pool.wal.0), "{}", pool);
        }
        for change in &plan.providers {
            let holdback = LedgerAccount::Holdback(change.provider.clone());
            prop_assert_eq!(bank.balance(&holdback), i128::from(change.holdback.0), "{}", holdback);
        }
    }

    /// Applying a plan twice, or the plan of the same facts planned by someone else, posts nothing more.
    #[test]
    fn a_plan_is_applied_once(seed: u64) {
        let inputs = any_facts(seed);
        let first = plan(&inputs).unwrap();
        let mut bank = bank_of(&inputs);
        bank.apply(&first.transfers);
        let (posted, sum) = (bank.posted(), bank.balance(&LedgerAccount::Burn));
        bank.apply(&plan(&shuffled(&inputs, seed)).unwrap().transfers);
        prop_assert_eq!((bank.posted(), bank.balance(&LedgerAccount::Burn)), (posted, sum));
        prop_assert_eq!(posted, first.transfers.len(), "no two transfers share an id");
    }

    #[test]
    fn the_order_of_facts_is_of_no_account(seed: u64, other: u64) {
        let inputs = any_facts(seed);
        let turned = shuffled(&inputs, other);
        prop_assert_eq!(plan(&inputs).unwrap().to_string(), plan(&turned).unwrap().to_string());
        prop_assert_eq!(encode(&inputs), encode(&turned));
    }

    /// Nobody is paid for what it did not hold or prove, nor more than was collected.
    #[test]
    fn rewards_are_for_what_was_held(seed: u64) {
        let inputs = any_facts(seed);
        let plan = plan(&inputs).unwrap();
        let escrow = LedgerAccount::Escrow(inputs.epoch);
        let fees = total(&plan, |transfer| transfer.credit == escrow);
        let rewards = [TransferCode::Commission, TransferCode::Holdback, TransferCode::Reward];
        let paid = |provider: &str| total(&plan, |transfer| {
            let to = [
                LedgerAccount::Provider(provider.to_owned()),
                LedgerAccount::Holdback(provider.to_owned()),
                LedgerAccount::Pool(provider.to_owned()),
            ];
            transfer.debit == escrow && rewards.contains(&transfer.code) && to.contains(&transfer.credit)
        });
        let placed: u128 = inputs.providers.iter().map(|facts| facts.byte_micros).sum();
        let audited = inputs.is_audited() && !inputs.caught_up;
        let mut all = 0;
        for facts in &inputs.providers {
            let lost: u128 = inputs.losses.iter().filter(|l| l.provider == facts.provider).map(Loss::byte_micros).sum();
            let (asked, passed) = (facts.verdicts.asked(), facts.verdicts.passed);
            let most = share_down(u128::from(fees), facts.byte_micros - lost, placed);
            let most = if audited { share_down(most, u128::from(passed), u128::from(asked)) } else { most };
            let paid = paid(&facts.provider);
            prop_assert!(u128::from(paid) <= most, "{} is paid {} of {}", facts.provider, paid, most);
            if facts.standing == Standing::Disqualified || (audited && facts.verdicts.wrong > 0) {
                prop_assert_eq!(paid, 0);
            }
            all += paid;
        }
        prop_assert!(all <= fees);
    }

    /// What is slashed is within the cap, needs evidence, and takes from others only when nothing else is left.
    #[test]
    fn slashing_is_capped_and_in_order(seed: u64) {
        let inputs = any_facts(seed);
        let plan = plan(&inputs).unwrap();
        let cap = inputs.parameters.get(Parameter::SlashCapBp);
        for facts in &inputs.providers {
            let accused = inputs.evidence.iter().any(|evidence| evidence.provider == facts.provider);
            let (holdback, pool) =
                (LedgerAccount::Holdback(facts.provider.clone()), LedgerAccount::Pool(facts.provider.clone()));
            let slash = |account: &LedgerAccount, cause: &str| total(&plan, |transfer| {
                transfer.code == TransferCode::Slash
                    && transfer.debit == *account
                    && transfer.cause.starts_with(cause)
                    && transfer.cause != "disqualified"
            });
            let (held, own, others) = (slash(&holdback, ""), slash(&pool, "own "), slash(&pool, "delegated "));
            prop_assert!(accused || held + own + others == 0);
            let base = u128::from(facts.holdback.0) + u128::from(facts.pool.wal.0);
            prop_assert!(u128::from(held + own + others) <= base * u128::from(cap) / 10_000);
            prop_assert!(own + others == 0 || held == facts.holdback.0, "the holdback goes first");
        }
    }

    /// Every period has one outcome, and an open one ends in time.
    #[test]
    fn periods_end(seed: u64) {
        let inputs = any_facts(seed);
        let plan = plan(&inputs).unwrap();
        let most = inputs.parameters.get(Parameter::OpenEpochsMax);
        let mut seen = BTreeSet::new();
        for period in &plan.periods {
            prop_assert!(seen.insert((&period.provider, period.epoch)));
            let is_open = matches!(period.outcome, Outcome::Open { .. });
            prop_assert!(!is_open || inputs.caught_up || inputs.epoch.0 - period.epoch.0 < most);
            prop_assert!(!inputs.caught_up || !matches!(period.outcome, Outcome::Faulted(fault) if fault != Fault::Disqualified));
        }
        prop_assert!(inputs.open_periods.iter().all(|open| seen.contains(&(&open.provider, open.epoch))));
    }

    /// The fund pays what it has and no more; what it can't pay is owed.
    #[test]
    fn the_fund_pays_or_owes(seed: u64) {
        let inputs = any_facts(seed);
        let plan = plan(&inputs).unwrap();
        let price = |parameter| u128::from(inputs.parameters.get(parameter));
        let mib = 1u128 << 20;
        let due: u128 = inputs.providers.iter().map(|facts| {
            u128::from(facts.owed.0)
                + u128::from(facts.rebuilt_bytes) * price(Parameter::RepairPrice) / mib
                + u128::from(facts.verdicts.passed) * price(Parameter::AuditPrice)
                + share_down(facts.trash_byte_micros, price(Parameter::TrashPrice), mib * u128::from(inputs.length_micros))
        }).sum();
        let paid = total(&plan, |transfer| transfer.code == TransferCode::RepairWork);
        let owed: u64 = plan.providers.iter().map(|change| change.owed.0).sum();
        prop_assert_eq!(u128::from(paid) + u128::from(owed), due);
    }

    /// Each bucket is charged what it owes, rounded up, or as much as its payer has.
    #[test]
    fn buckets_pay_what_they_owe(seed: u64) {
        let inputs = any_facts(seed);
        let plan = plan(&inputs).unwrap();
        for bucket in &inputs.buckets {
            let charged = total(&plan, |transfer| transfer.debit == bucket.payer && transfer.cause == bucket.bucket);
            let unpaid = plan.unpaid.iter().find(|unpaid| unpaid.bucket == bucket.bucket).map_or(0, |unpaid| unpaid.amount.0);
            prop_assert_eq!(charged + unpaid, owed_by(&inputs, bucket).total().0);
            let exact = share_up(bucket.usage.byte_micros, u128::from(inputs.prices.storage.0),
                u128::from(inputs.length_micros) << 20);
            prop_assert_eq!(u128::from(owed_by(&inputs, bucket).storage.0), exact);
        }
        for payer in &inputs.payers {
            let charged = total(&plan, |transfer| transfer.debit == payer.account);
            prop_assert!(payer.funds.is_none_or(|funds| charged <= funds.0));
        }
    }
}
