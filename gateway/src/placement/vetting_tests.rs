//! Backends that have not passed their audits yet: a small share, and never so much that they could lose a blob together.

use std::collections::HashSet;

use proptest::prelude::*;

use crate::placement::tests::{blob, candidate, scheme};
use crate::placement::{Candidate, FailureDomains, SliverFact, Vetting, choose, plan_repair};

const NAMES: [&str; 14] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13"];

fn newcomer(name: &str) -> Candidate<'_> {
    let vetting = Some(Vetting { slivers_percent: 20 });
    Candidate { domains: FailureDomains { vetting, ..candidate(name).domains }, weight: 5, ..candidate(name) }
}

/// So many that are known, weighing a hundred each, and then so many newcomers with a twentieth of that.
fn committee(known: usize, newcomers: usize) -> Vec<Candidate<'static>> {
    let known = NAMES[..known].iter().map(|name| Candidate { weight: 100, ..candidate(name) });
    known.chain(NAMES[14 - newcomers..].iter().map(|name| newcomer(name))).collect()
}

fn newcomers_in(chosen: &[usize], all: &[Candidate<'_>]) -> usize {
    chosen.iter().filter(|at| all[**at].domains.vetting.is_some()).count()
}

#[test]
fn a_newcomer_gets_a_small_share_and_some() {
    let all = committee(8, 1);
    let count = (0..4_000).map(|n| newcomers_in(&choose(&all, scheme("rs-4-2"), &blob(n)).expect("nine").chosen, &all));
    let count = count.sum::<usize>();
    // With all of its weight it would have 6 of 9, so 2,667.
    assert!((150..800).contains(&count), "{count} of 4000 blobs");
}

#[test]
fn many_newcomers_share_what_one_would_have() {
    let all = committee(6, 8);
    for number in 0..500 {
        let chosen = choose(&all, scheme("rs-4-2"), &blob(number)).expect("fourteen").chosen;
        assert!(newcomers_in(&chosen, &all) <= 1, "a fifth of six slivers");
    }
    let first = choose(&all, scheme("rs-10-4"), &blob(1)).expect("fourteen");
    assert_eq!((first.chosen.len(), newcomers_in(&first.chosen, &all)), (14, 8), "there is no choice");
}

#[test]
fn where_the_known_do_not_suffice_newcomers_fill_up() {
    let all = committee(4, 4);
    for number in 0..200 {
        let chosen = choose(&all, scheme("rs-4-2"), &blob(number)).expect("eight").chosen;
        assert_eq!(newcomers_in(&chosen, &all), 2, "four are known, and what may be lost is with the others");
    }
    let newcomers = committee(0, 6);
    assert_eq!(choose(&newcomers, scheme("rs-4-2"), &blob(1)).expect("six").chosen.len(), 6, "a cluster must begin");
}

#[test]
fn repair_brings_no_more_to_newcomers_than_a_write_would() {
    let all = committee(6, 4);
    for number in 0..200 {
        let mut facts: Vec<_> = [0, 1, 2, 3, 4, 6].map(|at: usize| SliverFact::Good(all[at].domains)).into();
        facts[0] = SliverFact::Lost;
        let plan = plan_repair(&facts, scheme("rs-4-2"), &all, &blob(number));
        let target = plan.rebuilds.first().expect("a place").target;
        assert!(all[target].domains.vetting.is_none(), "a newcomer has one already");
    }
}

proptest! {
    #[test]
    fn newcomers_never_have_what_a_blob_needs(known in 0_usize..10, newcomers in 0_usize..8, k in 1_usize..6, m in 1_usize..4, number: u32) {
        prop_assume!(known + newcomers <= 14);
        let scheme = scheme(&format!("rs-{k}-{m}"));
        let all = committee(known, newcomers);
        let Ok(choice) = choose(&all, scheme, &blob(number)) else { return Ok(()) };
        prop_assert_eq!(&choice, &choose(&all, scheme, &blob(number)).expect("the same again"));
        let held = newcomers_in(&choice.chosen, &all);
        let share = (scheme.n() / 5).max(1).min(m);
        if known >= scheme.n() - share {
            prop_assert!(held <= share, "{held} where {share} are allowed");
        } else if known >= k {
            prop_assert!(held <= m);
        }
        prop_assert_eq!(choice.chosen.len(), scheme.n().min(all.len()));
        // Spares that replace what fails leave it at that while others are there.
        let known_spares = known - (choice.chosen.len() - held);
        let taken: Vec<usize> = choice.spares.iter().take(known_spares).copied().collect();
        prop_assert!(held + newcomers_in(&taken, &all) <= share.max(held));
    }

    #[test]
    fn who_is_known_now_changes_only_its_own_share(number: u32) {
        let mut all = committee(8, 1);
        let set = |all: &[Candidate<'_>]| -> HashSet<usize> {
            choose(all, scheme("rs-4-2"), &blob(number)).expect("nine").chosen.into_iter().collect()
        };
        let before = set(&all);
        all[8] = Candidate { weight: 100, ..candidate(NAMES[13]) };
        let after = set(&all);
        let came: Vec<_> = after.difference(&before).collect();
        prop_assert!(came.is_empty() || came == [&8]);
    }
}
