//! The repair fund: what repair, audits and trash are paid from.
//!
//! Payment follows the work and never the other way round: a repair asks nobody for money, and what an empty fund can't pay
//! is owed until it can.

use crate::domain::money::account::LedgerAccount;
use crate::domain::money::frost::Frost;
use crate::domain::money::price::MIB;
use crate::domain::money::transfer::TransferCode;
use crate::staking::{Parameter, share_down};

use super::draft::{Draft, add, fraction};
use super::inputs::{EpochInputs, ProviderFacts};

/// What the fund owes a provider: for what it rebuilt, for the audits that it passed, for the trash that it kept, and from before.
fn due(inputs: &EpochInputs, facts: &ProviderFacts) -> Frost {
    let price = |parameter| u128::from(inputs.parameters.get(parameter));
    let mib = u128::from(MIB);
    let parts = [
        share_down(u128::from(facts.rebuilt_bytes), price(Parameter::RepairPrice), mib),
        u128::from(facts.verdicts.passed) * price(Parameter::AuditPrice),
        share_down(facts.trash_byte_micros, price(Parameter::TrashPrice), mib * u128::from(inputs.length_micros)),
    ];
    let new = parts.into_iter().fold(0u128, u128::saturating_add);
    add(facts.owed, u64::try_from(new).map_or(Frost::MAX, |new| Frost(new).min(Frost::MAX)))
}

/// Pays what the fund owes; if it has less, to each the same part of it.
pub(super) fn pay_work(draft: &mut Draft<'_>) {
    let inputs = draft.inputs;
    let due: Vec<_> = inputs.providers.iter().map(|facts| due(inputs, facts)).collect();
    let sum: u128 = due.iter().map(|due| u128::from(due.0)).sum();
    let fund = draft.fund;
    for (at, due) in due.into_iter().enumerate() {
        let covered = sum <= u128::from(fund.0);
        let paid = if covered { due } else { fraction(fund, u128::from(due.0), sum) };
        draft.accounts[at].owed = due.saturating_sub(paid);
        draft.fund = draft.fund.saturating_sub(paid);
        let credit = LedgerAccount::Provider(inputs.providers[at].provider.clone());
        draft.postings.post(TransferCode::RepairWork, LedgerAccount::RepairFund, credit, paid, "work");
    }
}
