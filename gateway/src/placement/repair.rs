//! Plans the repair of one blob. Pure: the state of its slivers and of the backends in, which slivers are rebuilt
//! and where, out.

use codec::{BlobId, Scheme};

use crate::placement::candidate::{Candidate, FailureDomains};
use crate::placement::rendezvous::ranked;
use crate::placement::spread::Spread;

/// What was found out about one sliver of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliverFact<'a> {
    /// It is there and sound, in these domains.
    Good(FailureDomains<'a>),
    /// It is there and sound, in these domains, on a backend that leaves the cluster: it counts, and a new one is made elsewhere before it
    /// goes.
    Leaving(FailureDomains<'a>),
    /// Its backend does not answer now. It may come back, so it is waited for.
    Unreachable(FailureDomains<'a>),
    /// It is damaged, missing, or was never written, or its backend is no longer configured.
    Lost,
}

impl SliverFact<'_> {
    /// It can be read, so others can be rebuilt from it.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        matches!(self, Self::Good(_) | Self::Leaving(_))
    }
}

/// One sliver to rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliverRebuild {
    /// Which sliver.
    pub index: u8,
    /// The position of the backend that takes it, in the candidates' list.
    pub target: usize,
}

/// What to do for one blob.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairPlan {
    /// Slivers to rebuild.
    pub rebuilds: Vec<SliverRebuild>,
    /// Slivers that are lost or leaving and find no backend in a failure domain of their own now.
    pub unplaced: Vec<u8>,
    /// Slivers whose backends are unreachable: checked again later.
    pub waiting: Vec<u8>,
    /// Fewer than k slivers are there: nothing can be rebuilt.
    pub unreadable: bool,
}

impl RepairPlan {
    /// Carrying it out leaves nothing to do.
    #[must_use]
    pub fn completes(&self) -> bool {
        self.unplaced.is_empty() && self.waiting.is_empty() && !self.unreadable
    }
}

/// Plans the repair of a blob: `slivers[i]` is what is known of sliver `i`.
///
/// A sliver goes to a provider that holds no other sliver of the blob, one that is only unreachable included, and to a zone that holds fewer
/// than m while there is a choice.
#[must_use]
pub fn plan_repair(
    slivers: &[SliverFact<'_>],
    scheme: Scheme,
    candidates: &[Candidate<'_>],
    blob: &BlobId,
) -> RepairPlan {
    let mut plan = RepairPlan::default();
    let mut spread = Spread::default();
    let (mut lost, mut leaving) = (Vec::new(), Vec::new());
    let mut good = 0;
    for (index, fact) in (0_u8..).zip(slivers) {
        match fact {
            SliverFact::Good(domains) => {
                good += 1;
                spread.add(*domains);
            }
            SliverFact::Unreachable(domains) => {
                plan.waiting.push(index);
                spread.add(*domains);
            }
            SliverFact::Leaving(domains) => {
                good += 1;
                spread.add(*domains);
                leaving.push((index, *domains));
            }
            SliverFact::Lost => lost.push(index),
        }
    }
    if good < scheme.k() {
        plan.unreadable = true;
        return plan;
    }
    let mut order = ranked(candidates, blob);
    order.retain(|&at| candidates[at].write_health.takes_repair());
    order.sort_by_key(|&at| candidates[at].write_health);
    // What is lost takes the places first.
    let lost = lost.into_iter().map(|index| (index, None));
    for (index, own) in lost.chain(leaving.into_iter().map(|(index, domains)| (index, Some(domains)))) {
        // Only the successor of what leaves may have its domains: should that fail, no other sliver is there beside it.
        own.into_iter().for_each(|domains| spread.release(domains));
        let target = spread.pick(order.iter().copied(), candidates, scheme);
        let held = target.map(|target| candidates[target].domains).or(own);
        held.into_iter().for_each(|domains| spread.add(domains));
        match target {
            Some(target) => plan.rebuilds.push(SliverRebuild { index, target }),
            None => plan.unplaced.push(index),
        }
    }
    plan
}

/// Plans the repair of a blob of which some slivers are to go to the successors of their backends: pairs of sliver and position.
///
/// A sliver that leaves goes to its successor where no domain is worse off than by the sliver itself, else anywhere, as another's. One whose
/// successor is in trouble waits for it, and while anything is lost they all wait: what is lost takes the places first.
#[must_use]
pub fn plan_repair_with_successors(
    slivers: &[SliverFact<'_>],
    scheme: Scheme,
    candidates: &[Candidate<'_>],
    blob: &BlobId,
    successors: &[(u8, usize)],
) -> RepairPlan {
    let mut facts = slivers.to_vec();
    let mut spread = Spread::default();
    let is_lost = facts.contains(&SliverFact::Lost);
    for fact in slivers {
        if let SliverFact::Good(held) | SliverFact::Unreachable(held) | SliverFact::Leaving(held) = fact {
            spread.add(*held);
        }
    }
    let (mut moves, mut waits) = (Vec::new(), Vec::new());
    for &(index, target) in successors {
        let Some(fact) = facts.get_mut(usize::from(index)) else { continue };
        let SliverFact::Leaving(own) = *fact else { continue };
        if is_lost || !candidates[target].write_health.takes_repair() {
            *fact = SliverFact::Good(own);
            waits.push(index);
            continue;
        }
        let new = candidates[target].domains;
        spread.release(own);
        if spread.has_provider(new.provider) || spread.excess(new, scheme) > spread.excess(own, scheme) {
            spread.add(own);
            continue;
        }
        spread.add(new);
        *fact = SliverFact::Good(new);
        moves.push(SliverRebuild { index, target });
    }
    let mut plan = plan_repair(&facts, scheme, candidates, blob);
    if !plan.unreadable {
        plan.rebuilds.extend(moves);
    }
    plan.unplaced.extend(waits);
    plan
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::placement::candidate::WriteHealth;
    use crate::placement::tests::{blob, candidate, in_zone, scheme};

    const NAMES: [&str; 8] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"];

    fn domains(provider: &str) -> FailureDomains<'_> {
        FailureDomains { provider, ..FailureDomains::default() }
    }

    fn slivers(text: &str) -> Vec<SliverFact<'static>> {
        let fact = |(at, letter): (usize, char)| match letter {
            'g' => SliverFact::Good(domains(NAMES[at])),
            'u' => SliverFact::Unreachable(domains(NAMES[at])),
            'l' => SliverFact::Leaving(domains(NAMES[at])),
            _ => SliverFact::Lost,
        };
        text.chars().enumerate().map(fact).collect()
    }

    fn committee(count: usize) -> Vec<Candidate<'static>> {
        NAMES[..count].iter().map(|name| candidate(name)).collect()
    }

    #[test]
    fn plans() {
        // Slivers, backends, then: rebuilt, without a place, waiting, unreadable.
        type Case<'a> = (&'a str, usize, usize, usize, usize, bool);
        let table: [Case; 13] = [
            ("gggggg", 6, 0, 0, 0, false),
            ("ggggg-", 6, 1, 0, 0, false),
            ("gggg--", 6, 2, 0, 0, false),
            ("ggg---", 6, 0, 0, 0, true),
            ("gggg-u", 6, 1, 0, 1, false),
            ("ggggg-", 5, 0, 1, 0, false),
            ("gggg--", 8, 2, 0, 0, false),
            ("gggguu", 8, 0, 0, 2, false),
            ("g-ggu-", 5, 0, 0, 1, true),
            ("ggggl-", 8, 2, 0, 0, false),
            ("ggglll", 8, 3, 0, 0, false),
            ("gggll-", 6, 3, 0, 0, false),
            ("gg-l--", 8, 0, 0, 0, true),
        ];
        for (text, backends, rebuilt, unplaced, waiting, unreadable) in table {
            let candidates = committee(backends);
            for number in 0..50 {
                let facts = slivers(text);
                let plan = plan_repair(&facts, scheme("rs-4-2"), &candidates, &blob(number));
                let counts = (plan.rebuilds.len(), plan.unplaced.len(), plan.waiting.len(), plan.unreadable);
                assert_eq!(counts, (rebuilt, unplaced, waiting, unreadable), "{text}");
                let provider_of = |fact| match fact {
                    SliverFact::Good(domains) | SliverFact::Unreachable(domains) => Some(domains.provider),
                    SliverFact::Lost | SliverFact::Leaving(_) => None,
                };
                let held: HashSet<_> = facts.into_iter().filter_map(provider_of).collect();
                let given: HashSet<_> =
                    plan.rebuilds.iter().map(|one| candidates[one.target].domains.provider).collect();
                assert_eq!(given.len(), rebuilt, "each with a provider of its own");
                assert!(given.is_disjoint(&held), "and with nobody else's");
            }
        }
    }

    #[test]
    fn what_is_replaced_goes_to_its_successor() {
        let mut candidates = committee(8);
        candidates[5].write_health = WriteHealth::Barred;
        for number in 0..50 {
            let plan = |facts: &str, candidates: &[Candidate<'_>]| {
                plan_repair_with_successors(&slivers(facts), scheme("rs-4-2"), candidates, &blob(number), &[(5, 7)])
            };
            assert_eq!(plan("gggggl", &candidates).rebuilds, [SliverRebuild { index: 5, target: 7 }]);
            let lost = plan("g-gggl", &candidates);
            assert_eq!((lost.rebuilds.len(), lost.rebuilds[0].index, &lost.unplaced[..]), (1, 1, &[5][..]));
            let mut shared = candidates.clone();
            shared[7].domains.provider = "p0";
            assert_eq!(plan("gggggl", &shared).rebuilds, [SliverRebuild { index: 5, target: 6 }], "p0 has one already");
            let mut own = candidates.clone();
            own[7].domains.provider = "p5";
            assert_eq!(plan("gggggl", &own).rebuilds, [SliverRebuild { index: 5, target: 7 }], "its own provider");
            let mut away = candidates.clone();
            away[7].write_health = WriteHealth::Degraded;
            assert_eq!((plan("gggggl", &away).rebuilds.len(), plan("gggggl", &away).unplaced), (0, vec![5]));
            assert!(plan("ggg--l", &candidates).rebuilds.iter().all(|one| one.index != 5));
        }
    }

    #[test]
    fn a_backend_in_trouble_takes_no_repair() {
        let mut candidates = committee(6);
        candidates[5].write_health = WriteHealth::Degraded;
        assert_eq!(plan_repair(&slivers("ggggg-"), scheme("rs-4-2"), &candidates, &blob(1)).unplaced, [5]);
    }

    #[test]
    fn who_is_unreliable_takes_repair_where_nobody_else_can() {
        let mut candidates = committee(7);
        candidates[5].write_health = WriteHealth::Unreliable;
        for number in 0..20 {
            let target = |candidates: &[Candidate<'_>]| {
                plan_repair(&slivers("ggggg-"), scheme("rs-4-2"), candidates, &blob(number)).rebuilds[0].target
            };
            assert_eq!(target(&candidates), 6);
            assert_eq!(target(&candidates[..6]), 5);
        }
    }

    #[test]
    fn what_is_lost_takes_the_places_of_what_leaves() {
        let plan = plan_repair(&slivers("g-lggg"), scheme("rs-4-2"), &committee(6)[..2], &blob(1));
        assert_eq!((plan.rebuilds[0].index, plan.rebuilds[0].target), (1, 1));
        assert_eq!(plan.unplaced, [2]);
    }

    #[test]
    fn nobody_but_its_successor_goes_to_the_provider_of_what_leaves() {
        let mut candidates = committee(7);
        candidates[6].domains.provider = "p5";
        candidates[5].write_health = WriteHealth::Barred;
        let plan = plan_repair(&slivers("gggg-l"), scheme("rs-4-2"), &candidates, &blob(1));
        assert_eq!(plan.rebuilds, [SliverRebuild { index: 4, target: 4 }, SliverRebuild { index: 5, target: 6 }]);
        candidates[4].write_health = WriteHealth::Barred;
        let plan = plan_repair(&slivers("gggg-l"), scheme("rs-4-2"), &candidates, &blob(1));
        assert_eq!((plan.rebuilds.len(), plan.rebuilds[0].index, &plan.unplaced[..]), (1, 5, &[4][..]));
    }

    #[test]
    fn a_rebuilt_sliver_goes_where_its_zone_has_room() {
        let zones = ["a", "a", "b", "b", "c", "c", "a", "c"];
        let candidates: Vec<_> = NAMES.iter().zip(zones).map(|(name, zone)| in_zone(name, zone)).collect();
        let mut facts: Vec<_> = candidates[..6].iter().map(|one| SliverFact::Good(one.domains)).collect();
        facts[5] = SliverFact::Lost;
        for number in 0..50 {
            let plan = plan_repair(&facts, scheme("rs-4-2"), &candidates, &blob(number));
            let target = plan.rebuilds.first().expect("a place").target;
            assert_eq!(candidates[target].domains.zone, "c", "a and b hold two");
        }
    }
}
