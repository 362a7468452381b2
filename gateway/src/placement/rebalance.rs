//! Plans what a blob moves so that it lies where it would be written today. Pure: where its slivers are and the backends in, moves out.

use codec::{BlobId, Scheme};

use crate::placement::candidate::{Candidate, FailureDomains, WriteHealth};
use crate::placement::choose::choose;
use crate::placement::repair::SliverRebuild;

/// What a blob comes to under a rebalance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RebalancePlan {
    /// Slivers to move; each may be carried out or not without the others.
    pub moves: Vec<SliverRebuild>,
    /// Moves that must wait for these, because a zone would hold too many meanwhile, or for a backend in trouble.
    pub later: usize,
}

/// Plans the moves of a whole blob: `held[i]` is the position of the backend that has sliver `i`.
///
/// The blob prefers the backends in an order of its own ([`choose`]), by weight. What is with one of the first n stays, so nothing moves but
/// what must: as many slivers as there are backends among these that have none. A blob that lacks anything is the repair's.
#[must_use]
pub fn plan_rebalance(held: &[usize], scheme: Scheme, candidates: &[Candidate<'_>], blob: &BlobId) -> RebalancePlan {
    let mut plan = RebalancePlan::default();
    if held.len() != scheme.n() {
        return plan;
    }
    // Trouble passes: nothing moves because of it.
    let mut calm = candidates.to_vec();
    let members = calm.iter_mut().filter(|one| one.write_health != WriteHealth::Barred);
    members.for_each(|one| one.write_health = WriteHealth::Good);
    let wanted = choose(&calm, scheme, blob).map(|choice| choice.chosen).unwrap_or_default();
    if wanted.len() != scheme.n() {
        return plan;
    }
    let mut leaving: Vec<usize> = (0..held.len()).filter(|index| !wanted.contains(&held[*index])).collect();
    let targets: Vec<usize> = wanted.iter().copied().filter(|at| !held.contains(at)).collect();
    let mut bounds = Bounds::new(held, &wanted, scheme, candidates);
    let mut in_trouble = 0;
    for (target, index) in pairs(&targets, &mut leaving, held, candidates) {
        let (own, new) = (candidates[held[index]].domains, candidates[target].domains);
        let others = held.iter().enumerate().filter(|(other, _)| *other != index);
        let is_shared = others.into_iter().any(|(_, at)| candidates[*at].domains.provider == new.provider);
        if !candidates[target].write_health.takes_repair() {
            in_trouble += 1;
        } else if let (Ok(sliver), false) = (u8::try_from(index), is_shared)
            && bounds.admit(own, new)
        {
            plan.moves.push(SliverRebuild { index: sliver, target });
        } else {
            plan.later += 1;
        }
    }
    // What would wait for nothing but itself stays where it is: a provider with backends in two zones that are both full.
    plan.later = if plan.moves.is_empty() { in_trouble } else { plan.later + in_trouble };
    plan
}

/// What may be in a place, and with newcomers, whichever of the moves are carried out: as much as may be lost, or as was there, or as will be.
struct Bounds<'c, 'a> {
    held: &'c [usize],
    wanted: &'c [usize],
    scheme: Scheme,
    candidates: &'c [Candidate<'a>],
    /// Places that get a sliver from elsewhere.
    entered: Vec<&'a str>,
    /// Slivers that come to newcomers from others.
    newcomers: usize,
}

impl<'c, 'a> Bounds<'c, 'a> {
    fn new(held: &'c [usize], wanted: &'c [usize], scheme: Scheme, candidates: &'c [Candidate<'a>]) -> Self {
        Self { held, wanted, scheme, candidates, entered: Vec::new(), newcomers: 0 }
    }

    /// Admits one more move, if it is safe also when none of those that make space for it is carried out.
    fn admit(&mut self, own: FailureDomains<'a>, new: FailureDomains<'a>) -> bool {
        let place = new.place();
        let comes_from_elsewhere = own.place() != place && !place.is_empty();
        let in_place = |set: &[usize]| set.iter().filter(|at| self.candidates[**at].domains.place() == place).count();
        let (is, will) = (in_place(self.held), in_place(self.wanted));
        let entered = self.entered.iter().filter(|entered| **entered == place).count();
        let place_fits = !comes_from_elsewhere || is + entered < self.scheme.m().max(is).max(will);
        let newcomers = |set: &[usize]| set.iter().filter(|at| self.candidates[**at].domains.vetting.is_some()).count();
        let (are, will_be) = (newcomers(self.held), newcomers(self.wanted));
        let limit = new.vetting.filter(|_| own.vetting.is_none()).map(|vetting| vetting.slivers_max(self.scheme));
        let known_fits = limit.is_none_or(|limit| are + self.newcomers < limit.max(are).max(will_be));
        if !place_fits || !known_fits {
            return false;
        }
        if comes_from_elsewhere {
            self.entered.push(place);
        }
        self.newcomers += usize::from(limit.is_some());
        true
    }
}

/// Which sliver goes to which target: to the own provider first, then within a zone, and in their order otherwise. So no zone has both what
/// comes and what goes, unless providers are why.
fn pairs(
    targets: &[usize],
    leaving: &mut Vec<usize>,
    held: &[usize],
    candidates: &[Candidate<'_>],
) -> Vec<(usize, usize)> {
    let mut open = targets.to_vec();
    let mut pairs = Vec::with_capacity(open.len());
    for round in 0..3 {
        open.retain(|&target| {
            let new = candidates[target].domains;
            let fits = |index: &usize| {
                let own = candidates[held[*index]].domains;
                match round {
                    0 => own.provider == new.provider,
                    1 => own.place() == new.place() && own.vetting.is_some() == new.vetting.is_some(),
                    _ => true,
                }
            };
            let Some(at) = leaving.iter().position(fits) else { return true };
            pairs.push((target, leaving.remove(at)));
            false
        });
    }
    pairs
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::placement::Vetting;
    use crate::placement::tests::{blob, candidate, in_zone, scheme};

    const NAMES: [&str; 12] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11"];

    fn chosen(all: &[Candidate<'_>], number: u32) -> Vec<usize> {
        choose(all, scheme("rs-4-2"), &blob(number)).expect("enough").chosen
    }

    /// The same backends without those from a position on, which take nothing.
    fn before<'a>(all: &[Candidate<'a>], count: usize) -> Vec<Candidate<'a>> {
        let mut before = all.to_vec();
        before[count..].iter_mut().for_each(|one| one.write_health = WriteHealth::Barred);
        before
    }

    #[test]
    fn a_newcomer_gets_its_share_and_nothing_else_moves() {
        let all: Vec<_> = NAMES[..8].iter().map(|name| candidate(name)).collect();
        let old = before(&all, 7);
        let mut moved = 0;
        for number in 0..1_000 {
            let held = chosen(&old, number);
            let plan = plan_rebalance(&held, scheme("rs-4-2"), &all, &blob(number));
            assert!(plan.moves.iter().all(|one| one.target == 7) && plan.moves.len() <= 1 && plan.later == 0);
            moved += plan.moves.len();
        }
        // Six of eight hold each blob.
        assert!((700..800).contains(&moved), "{moved} of 1000");
    }

    #[test]
    fn larger_weights_draw_slivers_until_they_have_their_share_and_then_rest() {
        let mut all: Vec<_> = NAMES.iter().map(|name| candidate(name)).collect();
        let held: Vec<Vec<usize>> = (0..500).map(|number| chosen(&all, number)).collect();
        all[0].weight *= 8;
        let (mut count, mut after) = (0, 0);
        for (number, held) in (0..).zip(&held) {
            let plan = plan_rebalance(held, scheme("rs-4-2"), &all, &blob(number));
            count += usize::from(held.contains(&0));
            let mut now = held.clone();
            for one in &plan.moves {
                assert_eq!(one.target, 0, "nobody else gets anything");
                now[usize::from(one.index)] = one.target;
            }
            after += usize::from(now.contains(&0));
            assert_eq!(plan_rebalance(&now, scheme("rs-4-2"), &all, &blob(number)), RebalancePlan::default());
        }
        assert!(count < 300 && after > 450, "{count}, then {after} of 500");
    }

    #[test]
    fn what_is_in_trouble_is_waited_for_and_what_lacks_slivers_is_left_alone() {
        let mut all: Vec<_> = NAMES[..7].iter().map(|name| candidate(name)).collect();
        let number = (0..).find(|number| chosen(&all, *number).contains(&6)).expect("one");
        let held = chosen(&before(&all, 6), number);
        all[6].write_health = WriteHealth::Degraded;
        let plan = plan_rebalance(&held, scheme("rs-4-2"), &all, &blob(number));
        assert_eq!((plan.moves.len(), plan.later), (0, 1));
        all[6].write_health = WriteHealth::Unreliable;
        assert_eq!(
            plan_rebalance(&held, scheme("rs-4-2"), &all, &blob(number)).moves.len(),
            1,
            "it would wait for ever"
        );
        all[6].write_health = WriteHealth::Good;
        assert_eq!(plan_rebalance(&held[..5], scheme("rs-4-2"), &all, &blob(number)), RebalancePlan::default());
        assert_eq!(plan_rebalance(&held, scheme("rs-4-2"), &all, &blob(number)).moves.len(), 1);
    }

    fn committee() -> impl Strategy<Value = Vec<Candidate<'static>>> {
        let one = (0_usize..5, 0_usize..12, 1_u32..9, any::<bool>());
        proptest::collection::vec(one, 8..12).prop_map(|drawn| {
            let zones = ["", "", "a", "b", "c"];
            let of = |(name, (zone, provider, weight, vetting)): (&&'static str, (usize, usize, u32, bool))| {
                let vetting = (vetting && zone == 0).then_some(Vetting { slivers_percent: 20 });
                // A few share a provider.
                let provider = if provider < 2 { "same" } else { *name };
                let domains = FailureDomains { provider, vetting, ..in_zone(name, zones[zone]).domains };
                Candidate { domains, weight, ..candidate(name) }
            };
            NAMES.iter().zip(drawn).map(of).collect()
        })
    }

    fn most_in_a_place(held: &[usize], all: &[Candidate<'_>]) -> usize {
        let mut places = BTreeMap::<&str, usize>::new();
        for at in held.iter().filter(|at| !all[**at].domains.place().is_empty()) {
            *places.entry(all[*at].domains.place()).or_default() += 1;
        }
        places.into_values().max().unwrap_or(0)
    }

    proptest! {
        /// Whichever of the moves are carried out, providers stay distinct and no zone or newcomers hold more than they may, or did, or
        /// will; carried out and planned again it comes to an end, where everything lies as it would be written.
        #[test]
        fn every_part_of_a_plan_is_safe_and_all_of_it_arrives(all in committee(), count in 6_usize..8, number: u32, part: u16) {
            let scheme = scheme("rs-4-2");
            let Ok(written) = choose(&before(&all, count), scheme, &blob(number)) else { return Ok(()) };
            let Ok(wanted) = choose(&all, scheme, &blob(number)) else { return Ok(()) };
            prop_assume!(written.chosen.len() == 6 && wanted.chosen.len() == 6);
            let of_same = |at: &usize| all[*at].domains.provider == "same";
            let shares_provider = (0..all.len()).filter(of_same).count() > 1;
            let goal: BTreeSet<_> = wanted.chosen.iter().copied().collect();
            let mut held = written.chosen;
            let newcomers = |held: &[usize]| held.iter().filter(|at| all[**at].domains.vetting.is_some()).count();
            for round in 0..8 {
                let plan = plan_rebalance(&held, scheme, &all, &blob(number));
                prop_assert_eq!(&plan, &plan_rebalance(&held, scheme, &all, &blob(number)));
                let missing = held.iter().filter(|at| !goal.contains(at)).count();
                if plan.moves.is_empty() {
                    prop_assert!(missing == 0 || shares_provider, "it comes to its end");
                    break;
                }
                prop_assert_eq!(plan.moves.len() + plan.later, missing, "nothing moves but what must");
                prop_assert!(round < 7);
                let mut partly = held.clone();
                for (bit, one) in plan.moves.iter().enumerate() {
                    if part >> bit & 1 == 1 { partly[usize::from(one.index)] = one.target }
                }
                let providers: BTreeSet<_> = partly.iter().map(|at| all[*at].domains.provider).collect();
                prop_assert_eq!(providers.len(), 6);
                let ends: Vec<usize> = goal.iter().copied().collect();
                let bound = 2.max(most_in_a_place(&held, &all)).max(most_in_a_place(&ends, &all));
                prop_assert!(most_in_a_place(&partly, &all) <= bound);
                prop_assert!(newcomers(&partly) <= 2.max(newcomers(&held)).max(newcomers(&ends)));
                for one in &plan.moves { held[usize::from(one.index)] = one.target }
            }
        }
    }
}
