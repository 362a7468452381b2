//! Plans the repair of one blob. Pure: the state of its slivers and of the backends in, which slivers are rebuilt
//! and where, out.

use std::collections::HashSet;

use crate::placement::choose::{Candidate, WriteHealth};

/// What was found out about one sliver of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SliverFact {
    /// It is there and sound; its provider.
    Good(String),
    /// Its backend does not answer now; its provider. It may come back, so it is waited for.
    Unreachable(String),
    /// It is damaged, missing, or was never written, or its backend is no longer configured.
    Lost,
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
    /// Slivers that are lost and find no backend in a failure domain of their own now.
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

/// Plans the repair of a blob: `slivers[i]` is what is known of sliver `i`, `k` of which are needed.
///
/// A sliver goes to a failure domain that holds no other sliver of the blob, one that is only unreachable included. `seed`
/// turns the order, so that repairs spread over the committee.
#[must_use]
pub fn plan_repair(slivers: &[SliverFact], k: usize, candidates: &[Candidate], seed: u64) -> RepairPlan {
    let mut plan = RepairPlan::default();
    let mut taken = HashSet::new();
    let mut lost = Vec::new();
    let mut good = 0;
    for (index, fact) in (0_u8..).zip(slivers) {
        match fact {
            SliverFact::Good(provider) => {
                good += 1;
                taken.insert(provider.as_str());
            }
            SliverFact::Unreachable(provider) => {
                plan.waiting.push(index);
                taken.insert(provider.as_str());
            }
            SliverFact::Lost => lost.push(index),
        }
    }
    if good < k {
        plan.unreadable = true;
        return plan;
    }
    let mut order = crate::placement::choose::shuffled(candidates.len(), seed);
    order.retain(|&at| {
        candidates[at].write_health == WriteHealth::Good && taken.insert(candidates[at].provider.as_str())
    });
    let mut targets = order.into_iter();
    for index in lost {
        match targets.next() {
            Some(target) => plan.rebuilds.push(SliverRebuild { index, target }),
            None => plan.unplaced.push(index),
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slivers(text: &str) -> Vec<SliverFact> {
        let fact = |(at, letter)| match letter {
            'g' => SliverFact::Good(format!("p{at}")),
            'u' => SliverFact::Unreachable(format!("p{at}")),
            _ => SliverFact::Lost,
        };
        text.chars().enumerate().map(fact).collect()
    }

    fn committee(providers: &[&str]) -> Vec<Candidate> {
        let candidate =
            |provider: &&str| Candidate { provider: (*provider).to_owned(), write_health: WriteHealth::Good };
        providers.iter().map(candidate).collect()
    }

    #[test]
    fn plans() {
        let six = ["p0", "p1", "p2", "p3", "p4", "p5"];
        let eight = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"];
        // Slivers, backends, then: remade, without a place, waiting, unreadable.
        type Case<'a> = (&'a str, &'a [&'a str], usize, usize, usize, bool);
        let table: [Case; 9] = [
            ("gggggg", &six, 0, 0, 0, false),
            ("ggggg-", &six, 1, 0, 0, false),
            ("gggg--", &six, 2, 0, 0, false),
            ("ggg---", &six, 0, 0, 0, true),
            ("gggg-u", &six, 1, 0, 1, false),
            ("ggggg-", &six[..5], 0, 1, 0, false),
            ("gggg--", &eight, 2, 0, 0, false),
            ("gggguu", &eight, 0, 0, 2, false),
            ("g-ggu-", &eight[..5], 0, 0, 1, true),
        ];
        for (text, providers, remade, unplaced, waiting, unreadable) in table {
            let candidates = committee(providers);
            for seed in 0..50 {
                let facts = slivers(text);
                let plan = plan_repair(&facts, 4, &candidates, seed);
                let counts = (plan.rebuilds.len(), plan.unplaced.len(), plan.waiting.len(), plan.unreadable);
                assert_eq!(counts, (remade, unplaced, waiting, unreadable), "{text}");
                let provider_of = |fact| match fact {
                    SliverFact::Good(provider) | SliverFact::Unreachable(provider) => Some(provider),
                    SliverFact::Lost => None,
                };
                let held: HashSet<String> = facts.into_iter().filter_map(provider_of).collect();
                let given: HashSet<_> =
                    plan.rebuilds.iter().map(|one| candidates[one.target].provider.clone()).collect();
                assert_eq!(given.len(), remade, "each in a failure domain of its own");
                assert!(given.is_disjoint(&held), "and of nobody else's");
            }
        }
    }

    #[test]
    fn a_backend_in_trouble_takes_no_repair() {
        let mut candidates = committee(&["p0", "p1", "p2", "p3", "p4", "p5"]);
        candidates[5].write_health = WriteHealth::Degraded;
        assert_eq!(plan_repair(&slivers("ggggg-"), 4, &candidates, 1).unplaced, [5]);
    }
}
