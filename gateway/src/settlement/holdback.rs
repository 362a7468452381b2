//! The surety of new providers: a part of their own earnings that is held back, and returned.

use crate::domain::money::account::LedgerAccount;
use crate::domain::money::frost::Frost;
use crate::domain::money::price::MIB;
use crate::domain::money::transfer::TransferCode;
use crate::staking::{Parameter, WHOLE_BP, share_up};

use super::draft::{Account, Draft};
use super::inputs::{EpochInputs, Standing};

/// What of `earned` is held back: less with each step of the provider's age, and never more than brings the holdback to what
/// rebuilding its data would cost (`holdback_cover_bp` of it), since a surety need not be more than the damage.
pub(super) fn held_back(inputs: &EpochInputs, account: &Account<'_>, earned: Frost) -> Frost {
    let facts = account.facts;
    if matches!(facts.standing, Standing::Left | Standing::Disqualified) {
        return Frost::ZERO;
    }
    let parameter = |parameter| inputs.parameters.get(parameter);
    let steps = (facts.age.saturating_sub(1)) / parameter(Parameter::HoldbackStepEpochs).max(1);
    let fallen = parameter(Parameter::HoldbackStepBp).saturating_mul(steps);
    let share_bp = parameter(Parameter::HoldbackFirstBp).saturating_sub(fallen);
    earned.share_down(share_bp, WHOLE_BP).min(cover(inputs, facts.byte_micros).saturating_sub(account.holdback))
}

fn cover(inputs: &EpochInputs, byte_micros: u128) -> Frost {
    let price = u128::from(inputs.parameters.get(Parameter::RepairPrice));
    let cost = share_up(byte_micros, price, u128::from(MIB) * u128::from(inputs.length_micros));
    let cover_bp = u128::from(inputs.parameters.get(Parameter::HoldbackCoverBp));
    let cover = share_up(cost, cover_bp, u128::from(WHOLE_BP));
    u64::try_from(cover).map_or(Frost::MAX, |cover| Frost(cover).min(Frost::MAX))
}

/// Returns holdbacks: all of it to who has handed over all its slivers and has no period open, half of it to who is old enough
/// and without a fault in this epoch. Those who are excluded forfeit theirs to the repair fund.
pub(super) fn settle_holdbacks(draft: &mut Draft<'_>) {
    let half_age = draft.parameter(Parameter::HoldbackHalfEpochs);
    for at in 0..draft.accounts.len() {
        let account = &draft.accounts[at];
        let provider = account.facts.provider.clone();
        let due = match account.facts.standing {
            Standing::Disqualified => {
                let forfeited = account.holdback;
                let debit = LedgerAccount::Holdback(provider);
                draft.accounts[at].holdback = Frost::ZERO;
                draft.postings.post(TransferCode::Slash, debit, LedgerAccount::RepairFund, forfeited, "disqualified");
                continue;
            }
            Standing::Left if !account.waits && !account.faulted => account.holdback,
            Standing::Active | Standing::Leaving
                if account.facts.age >= half_age && !account.half_returned && !account.faulted =>
            {
                draft.accounts[at].half_returned = true;
                draft.accounts[at].holdback.share_down(1, 2)
            }
            _ => continue,
        };
        let cause = if draft.accounts[at].facts.standing == Standing::Left { "graceful exit" } else { "half" };
        draft.accounts[at].holdback = draft.accounts[at].holdback.saturating_sub(due);
        let (debit, credit) = (LedgerAccount::Holdback(provider.clone()), LedgerAccount::Provider(provider));
        draft.postings.post(TransferCode::HoldbackReturn, debit, credit, due, cause);
    }
}
