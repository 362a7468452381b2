//! Rewards: what each provider earned by what it held and proved, and how that is split.

use std::collections::BTreeMap;

use crate::domain::money::account::LedgerAccount;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::TransferCode;
use crate::staking::{Parameter, WHOLE_BP};

use super::draft::{Account, Draft, add, fraction};
use super::holdback::held_back;
use super::inputs::{EpochInputs, Standing};
use super::periods::{Fault, Judgement, Outcome, Period, judge};

/// Settles the periods of earlier epochs that can be judged by now, out of what their escrows keep for them. In a caught-up
/// epoch nobody could ask, so all of them go on waiting.
pub(super) fn settle_open_periods(draft: &mut Draft<'_>) {
    let inputs = draft.inputs;
    for open in &inputs.open_periods {
        let Some(at) = draft.accounts.iter().position(|account| account.facts.provider == open.provider) else {
            continue;
        };
        let waited = inputs.epoch.0.saturating_sub(open.epoch.0);
        let may_wait = waited < draft.parameter(Parameter::OpenEpochsMax);
        let judgement = if inputs.caught_up {
            Judgement::Undecided
        } else if draft.accounts[at].facts.standing == Standing::Disqualified {
            Judgement::Fault(Fault::Disqualified)
        } else {
            judge(&open.verdicts, may_wait, &inputs.parameters)
        };
        let outcome = settle(draft, at, open.epoch, (open.reserved, open.reserved), judgement);
        draft.outcome(Period { provider: open.provider.clone(), epoch: open.epoch, outcome });
    }
}

/// Splits `pot` of this epoch's escrow by what was placed with each provider. A provider that held all of it and passed all its audits
/// has its part; what others leave of theirs is unearned.
pub(super) fn settle_epoch(draft: &mut Draft<'_>, pot: Frost) {
    let inputs = draft.inputs;
    let placed: u128 = inputs.providers.iter().map(|facts| facts.byte_micros).sum();
    let lost = lost_by_provider(inputs);
    let audited = inputs.is_audited() && !inputs.caught_up;
    for at in 0..draft.accounts.len() {
        let facts = draft.accounts[at].facts;
        if facts.byte_micros == 0 && facts.verdicts.asked() == 0 {
            continue;
        }
        let held = facts.byte_micros.saturating_sub(lost.get(facts.provider.as_str()).copied().unwrap_or(0));
        let whole = fraction(pot, facts.byte_micros, placed);
        let most = fraction(pot, held, placed);
        let judgement = match facts.standing {
            Standing::Disqualified => Judgement::Fault(Fault::Disqualified),
            _ if !audited => Judgement::Passed(1, 1),
            _ => judge(&facts.verdicts, true, &inputs.parameters),
        };
        count_for_vetting(&mut draft.accounts[at], judgement);
        let outcome = settle(draft, at, inputs.epoch, (whole, most), judgement);
        draft.accounts[at].faulted = matches!(outcome, Outcome::Faulted(_));
        draft.accounts[at].suspend = outcome == Outcome::Faulted(Fault::Silent);
        draft.outcome(Period { provider: facts.provider.clone(), epoch: inputs.epoch, outcome });
    }
}

/// Settles one period: of `whole`, which the escrow has for it, at most `most` is paid and the rest is unearned.
fn settle(
    draft: &mut Draft<'_>,
    at: usize,
    epoch: Epoch,
    (whole, most): (Frost, Frost),
    judgement: Judgement,
) -> Outcome {
    let provider = draft.accounts[at].facts.provider.clone();
    let (kept, outcome) = match judgement {
        Judgement::Passed(passed, asked) => {
            let paid = fraction(most, u128::from(passed), u128::from(asked));
            pay(draft, at, epoch, paid);
            (paid, Outcome::Proven { paid })
        }
        Judgement::Fault(fault) => (Frost::ZERO, Outcome::Faulted(fault)),
        Judgement::Undecided => (most, Outcome::Open { reserved: most }),
    };
    draft.unearned(LedgerAccount::Escrow(epoch), &provider, whole.saturating_sub(kept));
    if epoch == draft.inputs.epoch {
        draft.spend(whole);
    }
    outcome
}

/// Pays a reward: the commission to the provider, less what is held back of it, and the rest to the pool. Without active stake
/// all of it is the provider's.
fn pay(draft: &mut Draft<'_>, at: usize, epoch: Epoch, reward: Frost) {
    let account = &draft.accounts[at];
    let own =
        if account.pool.positions == 0 { reward } else { reward.share_down(account.facts.commission_bp, WHOLE_BP) };
    let surety = held_back(draft.inputs, account, own);
    let (provider, stakers) = (account.facts.provider.clone(), reward.saturating_sub(own));
    let account = &mut draft.accounts[at];
    account.holdback = add(account.holdback, surety);
    if !stakers.is_zero() {
        account.pool.add_reward(stakers);
    }
    let escrow = || LedgerAccount::Escrow(epoch);
    let parts = [
        (TransferCode::Commission, LedgerAccount::Provider(provider.clone()), own.saturating_sub(surety)),
        (TransferCode::Holdback, LedgerAccount::Holdback(provider.clone()), surety),
        (TransferCode::Reward, LedgerAccount::Pool(provider), stakers),
    ];
    for (code, credit, amount) in parts {
        draft.postings.post(code, escrow(), credit, amount, format!("period {epoch}"));
    }
}

/// Audits of buckets of its own teach nothing about a provider, and those of a faulted period count for nothing.
fn count_for_vetting(account: &mut Account<'_>, judgement: Judgement) {
    if matches!(judgement, Judgement::Passed(..)) {
        account.vetting += account.facts.verdicts.passed.saturating_sub(account.facts.passed_own);
    }
}

fn lost_by_provider(inputs: &EpochInputs) -> BTreeMap<&str, u128> {
    let mut lost = BTreeMap::new();
    for loss in &inputs.losses {
        *lost.entry(loss.provider.as_str()).or_insert(0) += loss.byte_micros();
    }
    lost
}
