//! How much of what is written each provider is to hold, by stake and capacity.

use std::collections::BTreeMap;

use super::parameters::{Parameter, Parameters, WHOLE_BP};
use super::proportion::share_down;

/// All weight. Weights are in parts of it.
pub const WEIGHT_WHOLE: u64 = 1_000_000;

/// From so many providers on the cap is what the parameter says; with fewer it is twice an equal part, as at Walrus.
const CAPPED_PROVIDERS: u64 = 20;

/// What speaks for a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Candidacy {
    /// The active stake of its pool, in FROST.
    pub stake: u64,
    /// Its capacity, in bytes.
    pub capacity: u64,
    /// Whether it has passed the audits that a new one must pass.
    pub vetted: bool,
    /// Whether it takes new slivers: not suspended and not leaving. A price floor is no part of this: it closes a provider for whole epochs,
    /// and weights are settled in the middle of one.
    pub takes: bool,
}

/// The weight of each provider that takes slivers. In proportion to the smaller of its parts of all stake and of all capacity,
/// since neither disks without stake nor stake without disks should draw data; by capacity alone where nobody has staked. No one has
/// more than the cap, and all that are not vetted together no more than `vetting_share_bp`, as long as anyone is vetted.
#[must_use]
pub fn weights(candidates: &BTreeMap<String, Candidacy>, parameters: &Parameters) -> BTreeMap<String, u64> {
    let taking: Vec<(&String, &Candidacy)> = candidates.iter().filter(|(_, candidate)| candidate.takes).collect();
    let sum =
        |part: fn(&Candidacy) -> u64| taking.iter().map(|(_, candidate)| u128::from(part(candidate))).sum::<u128>();
    let (stake, capacity) = (sum(|candidate| candidate.stake), sum(|candidate| candidate.capacity));
    let whole = u128::from(WEIGHT_WHOLE) * u128::from(WEIGHT_WHOLE);
    let merit = |candidate: &Candidacy| {
        let of_capacity = share_down(u128::from(candidate.capacity), whole, capacity);
        if stake == 0 { of_capacity } else { of_capacity.min(share_down(u128::from(candidate.stake), whole, stake)) }
    };
    let merits = |vetted: bool| -> Vec<(&String, u128)> {
        taking.iter().filter(|(_, c)| c.vetted == vetted).map(|(name, c)| (*name, merit(c))).collect()
    };
    let (vetted, new) = (merits(true), merits(false));
    let has_merit = |group: &[(&String, u128)]| group.iter().any(|(_, merit)| *merit > 0);
    let for_new = match (has_merit(&vetted), has_merit(&new)) {
        (_, false) => 0,
        (false, true) => WEIGHT_WHOLE,
        (true, true) => WEIGHT_WHOLE * parameters.get(Parameter::VettingShareBp) / WHOLE_BP,
    };
    let cap = cap(taking.len() as u64, parameters);
    let mut weights = BTreeMap::new();
    share_out(&vetted, WEIGHT_WHOLE - for_new, cap, &mut weights);
    share_out(&new, for_new, cap, &mut weights);
    weights
}

fn cap(providers: u64, parameters: &Parameters) -> u64 {
    let voted = WEIGHT_WHOLE * parameters.get(Parameter::WeightCapBp) / WHOLE_BP;
    if providers >= CAPPED_PROVIDERS { voted } else { voted.max(WEIGHT_WHOLE.div_ceil((providers / 2).max(1))) }
}

/// Shares out `amount` by merit; what is above the cap goes to the others, round by round.
fn share_out(group: &[(&String, u128)], amount: u64, cap: u64, weights: &mut BTreeMap<String, u64>) {
    let (mut left, mut open) = (amount, group.to_vec());
    loop {
        let merits: u128 = open.iter().map(|(_, merit)| merit).sum();
        let share = |merit: u128| u64::try_from(share_down(u128::from(left), merit, merits)).unwrap_or(cap);
        let (capped, below): (Vec<_>, Vec<_>) = open.iter().partition(|(_, merit)| share(*merit) >= cap);
        if capped.is_empty() || below.is_empty() {
            weights.extend(open.iter().map(|(name, merit)| ((*name).clone(), share(*merit).min(cap))));
            return;
        }
        weights.extend(capped.iter().map(|(name, _)| ((**name).clone(), cap)));
        left = left.saturating_sub(cap * capped.len() as u64);
        open = below;
    }
}

/// The weight to place by: the old one as long as the new one is within a tenth of it, so that small changes of stake move no
/// data.
#[must_use]
pub const fn settled_weight(old: u64, new: u64) -> u64 {
    if old.abs_diff(new).saturating_mul(10) <= old { old } else { new }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(candidates: &[(u64, u64, bool)]) -> Vec<u64> {
        let named = candidates.iter().enumerate().map(|(at, (stake, capacity, vetted))| {
            let candidacy = Candidacy { stake: *stake, capacity: *capacity, vetted: *vetted, takes: true };
            (format!("p{at:03}"), candidacy)
        });
        weights(&named.collect(), &Parameters::default()).into_values().collect()
    }

    #[test]
    fn neither_stake_nor_disks_alone_draw_data() {
        assert_eq!(of(&[(50, 50, true), (50, 0, true), (0, 50, true), (50, 50, true)]), [500_000, 0, 0, 500_000]);
    }

    #[test]
    fn capacity_decides_where_nobody_has_staked() {
        assert_eq!(of(&[(0, 10, false), (0, 20, false), (0, 10, false)]), [250_000, 500_000, 250_000]);
    }

    #[test]
    fn the_cap_holds_and_the_rest_goes_to_the_others() {
        let mut many = vec![(1, 1, true); 19];
        many.push((981, 981, true));
        let weights = of(&many);
        assert_eq!(weights[19], 100_000);
        assert!(weights[..19].iter().all(|weight| *weight == 900_000 / 19));
        assert_eq!(
            of(&[(1, 1, true), (1, 1, true), (98, 98, true), (1, 1, true)])[2],
            500_000,
            "few: twice an equal part"
        );
    }

    #[test]
    fn new_providers_have_a_hundredth_together() {
        assert_eq!(
            of(&[(10, 10, true), (10, 10, true), (10, 10, false), (10, 10, false)]),
            [495_000, 495_000, 5_000, 5_000]
        );
        assert!(of(&[]).is_empty());
    }

    #[test]
    fn small_changes_move_no_data() {
        assert_eq!((settled_weight(100, 109), settled_weight(100, 111), settled_weight(0, 1)), (100, 111, 1));
    }

    proptest! {
        #[test]
        fn weights_are_at_most_the_whole_and_the_cap(
            candidates in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<bool>()), 1..60)
        ) {
            let weights = of(&candidates);
            prop_assert_eq!(weights.len(), candidates.len());
            prop_assert!(weights.iter().sum::<u64>() <= WEIGHT_WHOLE);
            let cap = cap(candidates.len() as u64, &Parameters::default());
            prop_assert!(weights.iter().all(|weight| *weight <= cap));
        }
    }
}
