//! Choosing backends for a new blob.

use std::collections::HashSet;

/// What is known of a backend when a blob is placed.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its provider: the failure domain. Two slivers of one blob never share one while there is a choice.
    pub provider: String,
    /// Its health, judged by the last writes.
    pub write_health: WriteHealth,
}

/// The write health of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WriteHealth {
    /// It takes writes.
    Good,
    /// It failed a write lately: used only when the good ones are not enough for every sliver.
    Degraded,
    /// It timed out lately: waiting for it again would stall every write, so it is left out.
    Unresponsive,
    /// What it holds is in doubt, or it was taken out of the cluster: it takes nothing, whatever is missing.
    Barred,
}

/// Positions in the candidates' list: `chosen[i]` takes sliver `i`; the spares replace those that fail, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// One position for each sliver that finds a home; fewer than n when backends are missing.
    pub chosen: Vec<usize>,
    /// Further positions in failure domains of their own.
    pub spares: Vec<usize>,
}

/// Fewer failure domains may take writes than the floor demands.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{writable} failure domains take writes and {floor} are needed")]
pub struct TooFewBackends {
    /// Distinct domains that take writes.
    pub writable: usize,
    /// What the scheme needs at least.
    pub floor: usize,
}

/// Spreads `n` slivers over distinct failure domains.
///
/// `seed` turns the order, so that data and parity slivers and the load spread evenly over the committee.
///
/// # Errors
/// When fewer than `floor` distinct domains take writes.
pub fn choose(candidates: &[Candidate], n: usize, floor: usize, seed: u64) -> Result<Choice, TooFewBackends> {
    let mut order = shuffled(candidates.len(), seed);
    order.retain(|&at| candidates[at].write_health < WriteHealth::Unresponsive);
    order.sort_by_key(|&at| candidates[at].write_health);
    let mut domains = HashSet::new();
    order.retain(|&at| domains.insert(candidates[at].provider.as_str()));
    let mut distinct = order;
    if distinct.len() < floor {
        return Err(TooFewBackends { writable: distinct.len(), floor });
    }
    let spares = distinct.split_off(distinct.len().min(n));
    Ok(Choice { chosen: distinct, spares })
}

/// A permutation of `0..len` drawn from a seed (Fisher-Yates over a SplitMix64 sequence).
pub(super) fn shuffled(len: usize, seed: u64) -> Vec<usize> {
    let mut state = seed;
    let mut order: Vec<usize> = (0..len).collect();
    for last in (1..len).rev() {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let draw = (u128::from(z ^ (z >> 31)) * (last as u128 + 1)) >> 64;
        order.swap(last, usize::try_from(draw).unwrap_or(last));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidate(provider: &str, answers: bool) -> Candidate {
        let write_health = if answers { WriteHealth::Good } else { WriteHealth::Unresponsive };
        Candidate { provider: provider.to_owned(), write_health }
    }

    #[test]
    fn a_degraded_backend_is_used_only_when_needed() {
        let mut all: Vec<_> = (0..7).map(|i| candidate(&format!("p{i}"), true)).collect();
        all[2].write_health = WriteHealth::Degraded;
        assert_eq!(choose(&all, 6, 5, 3).expect("seven").spares, [2]);
        all[4].write_health = WriteHealth::Degraded;
        let choice = choose(&all, 6, 5, 3).expect("seven");
        assert_eq!((choice.chosen.len(), choice.spares.len()), (6, 1));
    }

    #[test]
    fn every_sliver_gets_a_failure_domain_of_its_own() {
        let all: Vec<_> = (0..8).map(|i| candidate(&format!("p{}", i % 7), i != 3)).collect();
        let choice = choose(&all, 6, 5, 9).expect("seven domains, one down");
        let domains: HashSet<_> = choice.chosen.iter().map(|&at| all[at].provider.clone()).collect();
        assert_eq!((choice.chosen.len(), domains.len(), choice.spares.len()), (6, 6, 0));
        assert!(!choice.chosen.contains(&3));
    }

    #[test]
    fn a_write_needs_the_floor() {
        let all: Vec<_> = (0..6).map(|i| candidate(&format!("p{i}"), i < 4)).collect();
        assert_eq!(choose(&all, 6, 5, 1), Err(TooFewBackends { writable: 4, floor: 5 }));
        assert_eq!(choose(&all, 6, 4, 1).expect("floor met").chosen.len(), 4);
    }

    proptest! {
        #[test]
        fn the_choice_holds_each_backend_at_most_once(len in 0_usize..20, n in 1_usize..12, seed: u64) {
            let all: Vec<_> = (0..len).map(|i| candidate(&format!("p{i}"), true)).collect();
            if let Ok(choice) = choose(&all, n, 1, seed) {
                let mut seen: Vec<_> = choice.chosen.iter().chain(&choice.spares).copied().collect();
                seen.sort_unstable();
                prop_assert_eq!(seen, (0..len).collect::<Vec<_>>());
                prop_assert_eq!(choice.chosen.len(), n.min(len));
            }
        }
    }
}
