//! What votes with weights decide.

use super::proportion::share_down;

/// A value and the weight, or stake, behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vote {
    /// What is voted for.
    pub value: u64,
    /// By how much it counts.
    pub weight: u64,
}

fn weight_of(votes: &[Vote]) -> u128 {
    votes.iter().map(|vote| u128::from(vote.weight)).sum()
}

/// Whether `weight` of `total` is a quorum of Byzantine agreement: `3w >= 2n + 1`.
#[must_use]
pub const fn is_quorum(weight: u128, total: u128) -> bool {
    3 * weight > 2 * total
}

/// The 66.67th percentile as Walrus takes it: from the highest vote down weights are removed, and the vote whose removal leaves
/// less than a quorum wins. So two thirds of the weight ask for no more than it. Nothing if nobody has weight.
#[must_use]
pub fn percentile(votes: &[Vote]) -> Option<u64> {
    let total = weight_of(votes);
    let mut sorted = votes.to_vec();
    sorted.sort_unstable();
    let mut left = total;
    for vote in sorted.iter().rev().filter(|vote| vote.weight > 0) {
        left -= u128::from(vote.weight);
        if !is_quorum(left, total) {
            return Some(vote.value);
        }
    }
    None
}

/// The capacity of the network in bytes: the highest value for which a quorum of the weight votes at least as much, each
/// provider's vote being its own capacity in proportion to its weight (`capacity * total / weight`), and never below what is
/// `used`. `votes` hold each provider's own capacity.
#[must_use]
pub fn capacity_by_votes(votes: &[Vote], used: u64) -> u64 {
    let total = weight_of(votes);
    let scale = |vote: &Vote| share_down(u128::from(vote.value), total, u128::from(vote.weight));
    let mut scaled: Vec<_> =
        votes.iter().filter(|vote| vote.weight > 0).map(|vote| (scale(vote), u128::from(vote.weight))).collect();
    scaled.sort_unstable();
    let mut behind = 0;
    for (value, weight) in scaled.into_iter().rev() {
        behind += weight;
        if is_quorum(behind, total) {
            return u64::try_from(value).unwrap_or(u64::MAX).max(used);
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn votes(pairs: &[(u64, u64)]) -> Vec<Vote> {
        pairs.iter().map(|(value, weight)| Vote { value: *value, weight: *weight }).collect()
    }

    #[test]
    fn walrus_example_gives_seven() {
        let weights = [5, 5, 4, 6, 3, 7, 4, 6, 1, 9];
        let votes: Vec<_> = (1..).zip(weights).map(|(value, weight)| Vote { value, weight }).collect();
        assert_eq!(percentile(&votes), Some(7));
    }

    #[test]
    fn one_vote_wins_and_no_weight_decides_nothing() {
        assert_eq!(percentile(&votes(&[(9, 1)])), Some(9));
        assert_eq!(percentile(&[]), None);
        assert_eq!(percentile(&votes(&[(9, 0)])), None);
        assert_eq!(percentile(&votes(&[(9, 0), (3, 2)])), Some(3), "who has no weight has no say");
    }

    #[test]
    fn a_third_cannot_raise_the_price_alone() {
        assert_eq!(percentile(&votes(&[(2_000, 67), (1_000_000, 33)])), Some(2_000));
        assert_eq!(percentile(&votes(&[(2_000, 66), (1_000_000, 34)])), Some(1_000_000), "more than a third blocks");
        assert_eq!(percentile(&votes(&[(2_000, 67), (0, 33)])), Some(2_000), "nor lower it");
    }

    #[test]
    fn capacity_is_what_a_quorum_can_hold() {
        let equal = votes(&[(100, 1), (100, 1), (100, 1), (40, 1)]);
        assert_eq!(capacity_by_votes(&equal, 0), 400);
        assert_eq!(capacity_by_votes(&equal, 500), 500, "never below what is used");
        assert_eq!(capacity_by_votes(&[], 5), 5);
    }

    fn any_votes() -> impl Strategy<Value = Vec<Vote>> {
        let vote = (any::<u64>(), 0u64..1 << 62).prop_map(|(value, weight)| Vote { value, weight });
        proptest::collection::vec(vote, 1..40)
    }

    proptest! {
        #[test]
        fn a_quorum_accepts_the_price_and_no_lower_one(votes in any_votes()) {
            let total: u128 = votes.iter().map(|vote| u128::from(vote.weight)).sum();
            prop_assume!(total > 0);
            let price = percentile(&votes).unwrap();
            let at_most = |limit: u64| votes.iter().filter(|v| v.value <= limit).map(|v| u128::from(v.weight)).sum::<u128>();
            prop_assert!(is_quorum(at_most(price), total), "two thirds find it acceptable");
            let lower = votes.iter().filter(|v| v.value < price).map(|v| u128::from(v.weight)).sum::<u128>();
            prop_assert!(!is_quorum(lower, total), "no lower vote has as many");
        }

        #[test]
        fn the_order_of_votes_is_of_no_account(votes in any_votes()) {
            let mut turned = votes.clone();
            turned.reverse();
            prop_assert_eq!(percentile(&votes), percentile(&turned));
            prop_assert_eq!(capacity_by_votes(&votes, 1), capacity_by_votes(&turned, 1));
        }

        #[test]
        fn to_vote_higher_never_lowers_the_price(votes in any_votes(), at: prop::sample::Index, more: u64) {
            let mut raised = votes.clone();
            let vote = &mut raised[at.index(votes.len())];
            vote.value = vote.value.saturating_add(more);
            prop_assert!(percentile(&raised) >= percentile(&votes));
        }
    }
}
