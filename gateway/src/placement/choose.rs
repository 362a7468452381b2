//! Choosing backends for a new blob.

use codec::{BlobId, Scheme};

use crate::placement::candidate::{Candidate, WriteHealth};
use crate::placement::floor::write_floor;
use crate::placement::rendezvous::ranked;
use crate::placement::spread::{Excess, Spread};

/// Positions in the candidates' list: `chosen[i]` takes sliver `i`; the spares replace those that fail, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// One position for each sliver that finds a home; fewer than n when backends are missing.
    pub chosen: Vec<usize>,
    /// Further positions, of providers of their own; first those in zones that may take one more sliver.
    pub spares: Vec<usize>,
}

/// Fewer providers may take writes than the floor demands.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{writable} failure domains take writes and {floor} are needed")]
pub struct TooFewBackends {
    /// Distinct providers that take writes.
    pub writable: usize,
    /// What the scheme needs at least.
    pub floor: usize,
}

/// Spreads the slivers of a blob over distinct providers, at most m of them in one zone, and few with backends that are being vetted, while
/// there is a choice.
///
/// The blob's id gives the order in which it prefers the backends, so that data and parity slivers and the load spread over the committee by
/// weight, and few blobs are elsewhere when it changes.
///
/// # Errors
/// When fewer distinct providers take writes than the scheme's floor.
pub fn choose(candidates: &[Candidate<'_>], scheme: Scheme, blob: &BlobId) -> Result<Choice, TooFewBackends> {
    let mut order = ranked(candidates, blob);
    order.retain(|&at| candidates[at].write_health < WriteHealth::Unresponsive);
    order.sort_by_key(|&at| candidates[at].write_health);
    let mut spread = Spread::default();
    let mut chosen = Vec::with_capacity(scheme.n());
    while chosen.len() < scheme.n()
        && let Some(at) = spread.pick(order.iter().copied(), candidates, scheme)
    {
        spread.add(candidates[at].domains);
        chosen.push(at);
    }
    let floor = write_floor(scheme);
    if chosen.len() < floor {
        return Err(TooFewBackends { writable: chosen.len(), floor });
    }
    let spares = spares(candidates, &order, &spread, scheme);
    Ok(Choice { chosen, spares })
}

/// Everybody whose provider holds nothing, each provider once; first those that overstep nothing, also when all before them are used.
fn spares<'a>(candidates: &[Candidate<'a>], order: &[usize], spread: &Spread<'a>, scheme: Scheme) -> Vec<usize> {
    let (mut first, mut last) = (Vec::new(), Vec::new());
    let mut seen = Spread::default();
    let mut vetted = spread.in_vetting();
    for &at in order {
        let domains = candidates[at].domains;
        if spread.has_provider(domains.provider) || seen.has_provider(domains.provider) {
            continue;
        }
        seen.add(domains);
        let newcomers_full = domains.vetting.is_some_and(|vetting| vetted >= vetting.slivers_max(scheme));
        if newcomers_full || spread.excess(domains, scheme) != Excess::default() {
            last.push(at);
        } else {
            vetted += usize::from(domains.vetting.is_some());
            first.push(at);
        }
    }
    first.append(&mut last);
    first
}

/// A zone whose loss would destroy blobs of this scheme, although every backend is well: too few zones for what they should survive. None
/// when there is no such zone.
#[must_use]
pub fn zone_at_risk<'a>(candidates: &[Candidate<'a>], scheme: Scheme) -> Option<&'a str> {
    let mut spread = Spread::default();
    for _ in 0..scheme.n() {
        let Some(at) = spread.pick(0..candidates.len(), candidates, scheme) else { break };
        spread.add(candidates[at].domains);
    }
    candidates.iter().map(|candidate| candidate.domains.place()).find(|place| spread.in_place(place) > scheme.m())
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;
    use crate::placement::tests::{blob, candidate, in_zone, scheme};

    const NAMES: [&str; 12] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11"];

    fn committee(count: usize) -> Vec<Candidate<'static>> {
        NAMES[..count].iter().map(|name| candidate(name)).collect()
    }

    #[test]
    fn a_degraded_backend_is_used_only_when_needed() {
        let mut all = committee(7);
        all[2].write_health = WriteHealth::Degraded;
        assert_eq!(choose(&all, scheme("rs-4-2"), &blob(3)).expect("seven").spares, [2]);
        all[4].write_health = WriteHealth::Degraded;
        let choice = choose(&all, scheme("rs-4-2"), &blob(3)).expect("seven");
        assert_eq!((choice.chosen.len(), choice.spares.len()), (6, 1));
    }

    #[test]
    fn every_sliver_gets_a_provider_of_its_own() {
        let mut all = committee(8);
        all[7].domains.provider = "p0";
        all[3].write_health = WriteHealth::Unresponsive;
        let choice = choose(&all, scheme("rs-4-2"), &blob(9)).expect("seven providers, one down");
        let providers: HashSet<_> = choice.chosen.iter().map(|&at| all[at].domains.provider).collect();
        assert_eq!((choice.chosen.len(), providers.len(), choice.spares.len()), (6, 6, 0));
        assert!(!choice.chosen.contains(&3));
    }

    #[test]
    fn a_write_needs_the_floor() {
        let mut all = committee(6);
        all[4].write_health = WriteHealth::Unresponsive;
        assert_eq!(choose(&all, scheme("rs-4-2"), &blob(1)).expect("floor met").chosen.len(), 5);
        all[5].write_health = WriteHealth::Barred;
        let refused = choose(&all, scheme("rs-4-2"), &blob(1));
        assert_eq!(refused, Err(TooFewBackends { writable: 4, floor: 5 }));
    }

    #[test]
    fn no_zone_holds_more_than_may_be_lost() {
        let zones = ["east", "east", "east", "east", "west", "west", "west", "north", "north", "", "", ""];
        let all: Vec<_> = NAMES.iter().zip(zones).map(|(name, zone)| in_zone(name, zone)).collect();
        for number in 0..500 {
            let choice = choose(&all, scheme("rs-4-2"), &blob(number)).expect("twelve");
            let mut held: HashMap<_, usize> = HashMap::new();
            choice.chosen.iter().for_each(|&at| *held.entry(all[at].domains.zone).or_default() += 1);
            assert!(held.iter().all(|(zone, count)| zone.is_empty() || *count <= 2), "{held:?}");
            let first = all[choice.spares[0]].domains.zone;
            assert!(
                first.is_empty() || held.get(first).is_none_or(|count| *count < 2),
                "a spare with room comes first"
            );
        }
        assert_eq!(zone_at_risk(&all, scheme("rs-4-2")), None);
    }

    #[test]
    fn too_few_zones_are_shared_evenly_and_reported() {
        let all: Vec<_> =
            NAMES[..6].iter().zip(["a", "a", "a", "b", "b", "b"]).map(|(name, zone)| in_zone(name, zone)).collect();
        let choice = choose(&all, scheme("rs-4-2"), &blob(1)).expect("six");
        assert_eq!(choice.chosen.len(), 6, "a blob is not refused for it");
        assert_eq!(zone_at_risk(&all, scheme("rs-4-2")), Some("a"));
        assert_eq!(zone_at_risk(&all, scheme("rs-3-3")), None);
        let alike: Vec<_> = NAMES[..6].iter().map(|name| in_zone(name, "a")).collect();
        assert_eq!(zone_at_risk(&alike, scheme("rs-4-2")), Some("a"));
        assert_eq!(zone_at_risk(&committee(6), scheme("rs-4-2")), None, "a zone that nobody named is one's own");
    }

    #[test]
    fn few_blobs_are_elsewhere_when_a_backend_joins() {
        let all = committee(12);
        let mut moved = 0;
        for number in 0..1_000 {
            let chosen = |all: &[Candidate<'_>]| -> HashSet<usize> {
                choose(all, scheme("rs-4-2"), &blob(number)).expect("enough").chosen.into_iter().collect()
            };
            let (before, after) = (chosen(&all[..11]), chosen(&all));
            let came: Vec<_> = after.difference(&before).collect();
            assert!(came.is_empty() || came == [&11], "nothing moves between those that stay");
            moved += came.len();
        }
        // Six of twelve hold each blob: so does the new one of half of them.
        assert!((450..550).contains(&moved), "{moved} of 1000");
    }

    proptest! {
        #[test]
        fn the_choice_holds_each_backend_at_most_once(len in 0_usize..12, n in 1_usize..12, number: u32) {
            let all = committee(len);
            let scheme = Scheme::copies(n).expect("a scheme");
            if let Ok(choice) = choose(&all, scheme, &blob(number)) {
                prop_assert_eq!(&choice, &choose(&all, scheme, &blob(number)).expect("the same again"));
                let mut seen: Vec<_> = choice.chosen.iter().chain(&choice.spares).copied().collect();
                seen.sort_unstable();
                prop_assert_eq!(seen, (0..len).collect::<Vec<_>>());
                prop_assert_eq!(choice.chosen.len(), n.min(len));
            }
        }
    }
}
