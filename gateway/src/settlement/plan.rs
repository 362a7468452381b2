//! The settlement of an epoch: from facts to transfers. Pure; applying the plan decides nothing.

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode};
use crate::staking::Parameter;

use super::charging::{Unpaid, collect};
use super::check::{InputsError, check};
use super::draft::{Account, Draft, add};
use super::holdback::settle_holdbacks;
use super::inputs::{EpochInputs, FloorFacts};
use super::periods::Period;
use super::repair_fund::pay_work;
use super::rewards::{settle_epoch, settle_open_periods};
use super::slashing::slash;
use super::stake_turn::{PoolChange, StakeChange, turn_pools};

/// What the settlement of an epoch does, whole: the transfers in the order in which they are posted, and what else changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The epoch that is settled.
    pub epoch: Epoch,
    /// The ledger that it is settled in.
    pub book: Book,
    /// Every transfer.
    pub transfers: Vec<Transfer>,
    /// The outcome of each period of this epoch, and of each that was open.
    pub periods: Vec<Period>,
    /// What changes about each provider, by name.
    pub providers: Vec<ProviderChange>,
    /// Each pool after the epoch, by the name of its provider.
    pub pools: Vec<PoolChange>,
    /// Each position that changes, by id.
    pub stakes: Vec<StakeChange>,
    /// The buckets whose payers ran out of funds, by id.
    pub unpaid: Vec<Unpaid>,
    /// Whether the prices of the epoch met each price floor, by the name of the provider. One whose floor they did not meet took no new
    /// slivers in it, and is paid for those that it has as anyone.
    pub floors: Vec<FloorOutcome>,
}

/// What became of a price floor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloorOutcome {
    /// Whose.
    pub provider: String,
    /// Whether the prices of the epoch met it.
    pub is_met: bool,
}

/// What changes about a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderChange {
    /// Its name.
    pub provider: String,
    /// Audits that count for its vetting by now.
    pub vetting: u64,
    /// Whether it is vetted: enough audits passed, over enough epochs.
    pub vetted: bool,
    /// Whether it is to take no new slivers until it answers.
    pub suspend: bool,
    /// What is held back of its earnings.
    pub holdback: Frost,
    /// Whether half of that has been returned.
    pub half_returned: bool,
    /// What the repair fund owes it.
    pub owed: Frost,
}

/// Plans the settlement of an epoch. The same facts give the same plan, in whatever order they are.
///
/// The order of the steps is that of `settlement/SETTLEMENT.md`.
///
/// # Errors
/// [`InputsError`] if the facts contradict each other or are out of bounds.
pub fn plan(inputs: &EpochInputs) -> Result<Plan, InputsError> {
    let sorted = inputs.clone().sorted();
    check(&sorted)?;
    let mut draft = Draft::new(&sorted);
    let mut unpaid = Vec::new();
    let fees = collect(&sorted, &mut draft.postings, &mut unpaid);
    let pot = set_aside(&mut draft, fees);
    settle_open_periods(&mut draft);
    settle_epoch(&mut draft, pot);
    pay_work(&mut draft);
    let slashed = slash(&mut draft);
    settle_holdbacks(&mut draft);
    let (pools, stakes) = turn_pools(&mut draft, &slashed);
    let (escrow, rest) = (draft.own_escrow(), draft.escrow);
    draft.postings.post(TransferCode::Remainder, escrow, LedgerAccount::Remainder, rest, "rest of the epoch");
    let providers = draft.accounts.iter().map(|account| change(&sorted, account)).collect();
    let floor =
        |facts: &FloorFacts| FloorOutcome { provider: facts.provider.clone(), is_met: facts.is_met(&sorted.prices) };
    Ok(Plan {
        epoch: sorted.epoch,
        book: sorted.book,
        transfers: draft.postings.into_transfers(),
        periods: draft.periods,
        providers,
        pools,
        stakes,
        unpaid,
        floors: sorted.floors.iter().map(floor).collect(),
    })
}

/// Adds what earlier epochs left to the escrow and takes the burn share and the repair share of the fees out of it. Returns what
/// is left to earn.
fn set_aside(draft: &mut Draft<'_>, fees: Frost) -> Frost {
    let escrow = draft.own_escrow();
    let carried = draft.inputs.remainder;
    draft.postings.post(TransferCode::Remainder, LedgerAccount::Remainder, escrow.clone(), carried, "carried over");
    draft.escrow = add(fees, carried);
    let burned = draft.part(fees, Parameter::BurnBp);
    draft.postings.post(TransferCode::BurnShare, escrow.clone(), LedgerAccount::Burn, burned, "share");
    draft.spend(burned);
    draft.fund_is_full = draft.fund > draft.part(fees, Parameter::RepairFundCapBp);
    if !draft.fund_is_full {
        let share = draft.part(fees, Parameter::RepairShareBp).min(draft.escrow);
        draft.postings.post(TransferCode::RepairShare, escrow, LedgerAccount::RepairFund, share, "share");
        draft.fund = add(draft.fund, share);
        draft.spend(share);
    }
    draft.escrow
}

fn change(inputs: &EpochInputs, account: &Account<'_>) -> ProviderChange {
    let enough = account.vetting >= inputs.parameters.get(Parameter::VettingAudits)
        && account.facts.age >= inputs.parameters.get(Parameter::VettingEpochs);
    ProviderChange {
        provider: account.facts.provider.clone(),
        vetting: account.vetting,
        vetted: enough,
        suspend: account.suspend,
        holdback: account.holdback,
        half_returned: account.half_returned,
        owed: account.owed,
    }
}
