//! Slashing: what a proven wrong answer costs. The proof is enough; nobody votes on it.

use std::collections::BTreeMap;

use crate::domain::money::account::LedgerAccount;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::TransferCode;
use crate::staking::{Parameter, WHOLE_BP};

use super::draft::{Draft, add};
use super::inputs::StakePhase;

/// The shares of own positions after slashing, by the id of the position.
pub(super) type OwnShares<'a> = BTreeMap<&'a str, u128>;

/// Slashes everyone with evidence against it: a part of holdback and pool for each proven answer up to the cap of the epoch, out of
/// the holdback first, then out of the provider's own stake, then out of everyone's in its pool. Part of it is burned, the rest
/// repairs. Returns the shares of the own positions that lost some.
pub(super) fn slash<'a>(draft: &mut Draft<'a>) -> OwnShares<'a> {
    let inputs = draft.inputs;
    let mut cases: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    for evidence in &inputs.evidence {
        cases.entry(&evidence.provider).or_insert((0, &evidence.id)).0 += 1;
    }
    let mut slashed = OwnShares::new();
    for at in 0..draft.accounts.len() {
        let facts = draft.accounts[at].facts;
        let Some((count, first)) = cases.get(facts.provider.as_str()).copied() else { continue };
        let cause = if count == 1 { first.to_owned() } else { format!("{first} and {} more", count - 1) };
        let each = draft.parameter(Parameter::SlashBp);
        let share_bp = each.saturating_mul(count).min(draft.parameter(Parameter::SlashCapBp));
        // What it had during the epoch: what is earned by settling it is no surety of it.
        let penalty = add(facts.holdback, facts.pool.wal).share_down(share_bp, WHOLE_BP);

        let from_holdback = penalty.min(facts.holdback);
        draft.accounts[at].holdback = draft.accounts[at].holdback.saturating_sub(from_holdback);
        take(draft, LedgerAccount::Holdback(facts.provider.clone()), from_holdback, &cause);

        let left = penalty.saturating_sub(from_holdback);
        let own: Vec<_> = inputs
            .stakes
            .iter()
            .filter(|stake| stake.own && stake.provider == facts.provider && stake.phase != StakePhase::Arriving)
            .collect();
        let mut shares: Vec<_> = own.iter().map(|stake| stake.shares).collect();
        let from_own = draft.accounts[at].pool.slash_own(left, &mut shares);
        let changed = own.iter().zip(shares).filter(|(stake, shares)| stake.shares != *shares);
        slashed.extend(changed.map(|(stake, shares)| (stake.stake.as_str(), shares)));
        take(draft, LedgerAccount::Pool(facts.provider.clone()), from_own, &format!("own {cause}"));

        let from_all = draft.accounts[at].pool.slash_all(left.saturating_sub(from_own));
        take(draft, LedgerAccount::Pool(facts.provider.clone()), from_all, &format!("delegated {cause}"));
    }
    slashed
}

fn take(draft: &mut Draft<'_>, from: LedgerAccount, amount: Frost, cause: &str) {
    let burned = draft.part(amount, Parameter::SlashBurnBp);
    draft.postings.post(TransferCode::Slash, from.clone(), LedgerAccount::Burn, burned, cause);
    let rest = amount.saturating_sub(burned);
    draft.postings.post(TransferCode::Slash, from, LedgerAccount::RepairFund, rest, cause);
}
