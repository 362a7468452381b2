//! In which order a blob prefers the backends: weighted rendezvous hashing.
//!
//! Every backend draws a number for the blob from a hash of both, and the highest draw comes first. So blobs spread over backends in the
//! ratio of their weights, and when a backend joins or leaves only those blobs change their minds that prefer it. With a uniform draw `u`
//! the score is `-weight / ln(u)`: Schindelhauer and Schomaker, "Weighted distributed hash tables" (SPAA 2005), the logarithmic method.

use codec::BlobId;
use twox_hash::XxHash3_64;

use crate::placement::candidate::Candidate;

/// Positions in the candidates' list, the most preferred first.
pub(super) fn ranked(candidates: &[Candidate<'_>], blob: &BlobId) -> Vec<usize> {
    let key = XxHash3_64::oneshot(&blob.0);
    let mut scored: Vec<(f64, usize)> =
        candidates.iter().enumerate().map(|(at, candidate)| (score(key, candidate), at)).collect();
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().map(|(_, at)| at).collect()
}

fn score(key: u64, candidate: &Candidate<'_>) -> f64 {
    let draw = XxHash3_64::oneshot_with_seed(key, candidate.name.as_bytes());
    // The upper 53 bits fit a float; a half more, so that it is never 0 and never 1.
    let uniform = ((draw >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -f64::from(candidate.weight) / uniform.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::tests::{blob, candidate};

    const BLOBS: u32 = 20_000;

    #[test]
    fn first_places_are_shared_in_the_ratio_of_the_weights() {
        let weights = [1, 1, 2, 4, 8];
        let names = ["a", "b", "c", "d", "e"];
        let all: Vec<_> =
            names.iter().zip(weights).map(|(name, weight)| Candidate { weight, ..candidate(name) }).collect();
        let mut firsts = [0_u32; 5];
        (0..BLOBS).for_each(|number| firsts[ranked(&all, &blob(number))[0]] += 1);
        for (first, weight) in firsts.iter().zip(weights) {
            let share = f64::from(*first) / f64::from(BLOBS);
            let expected = f64::from(weight) / 16.0;
            assert!((share - expected).abs() < 0.01, "{share} where {expected} is expected: {firsts:?}");
        }
    }

    #[test]
    fn who_leaves_changes_nobody_elses_order() {
        let all: Vec<_> = ["a", "b", "c", "d", "e", "f", "g"].iter().map(|name| candidate(name)).collect();
        let (rest, _) = all.split_at(6);
        for number in 0..500 {
            let before: Vec<_> = ranked(&all, &blob(number)).into_iter().filter(|at| *at != 6).collect();
            assert_eq!(ranked(rest, &blob(number)), before, "the others stay as they were");
        }
    }

    /// What lies where was decided by this order, and a rebalance compares with it.
    #[test]
    fn the_order_is_pinned() {
        let all: Vec<_> = ["b1", "b2", "b3", "b4", "b5", "b6"].iter().map(|name| candidate(name)).collect();
        assert_eq!(ranked(&all, &blob(1)), PINNED[0]);
        assert_eq!(ranked(&all, &blob(2)), PINNED[1]);
    }

    const PINNED: [[usize; 6]; 2] = [[4, 0, 5, 3, 1, 2], [1, 2, 3, 0, 4, 5]];
}
