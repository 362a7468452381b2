//! Which blob is repaired before which.

use codec::Scheme;

/// How long a blob is expected to stay readable if nobody repairs it, in thousandths of a sliver's mean life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Survival(u32);

impl Survival {
    /// The thousandths.
    #[must_use]
    pub fn thousandths(self) -> u32 {
        self.0
    }

    /// Of a blob of which `living` slivers are left and `k` needed: of so many slivers that live equally long the next is lost after a
    /// mean life divided by their number, then one of one fewer, until fewer than k are left.
    fn of(living: usize, k: usize) -> Self {
        let micro = (k.max(1)..=living).map(|left| 1_000_000 / u32::try_from(left).unwrap_or(u32::MAX)).sum::<u32>();
        Self(micro / 1_000)
    }
}

/// The place of a blob in the queue of repairs. What is less comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepairRank {
    /// The next loss is its end: k slivers are left of more.
    Last(Survival),
    /// Slivers are missing, and it may lose more.
    Endangered(Survival),
    /// All slivers are there, and some are to be moved: of a backend that leaves.
    Whole,
    /// All slivers are there, and some would lie elsewhere if they were written today.
    Unbalanced,
    /// Fewer than k slivers are left, so it cannot be repaired now, only looked at: a backend may come back. It comes last,
    /// because with backends away there may be any number of such blobs, which would take every turn of those that can still
    /// be saved. When nothing else is due it is looked at as often as its pauses allow.
    TooFewLeft,
}

impl RepairRank {
    /// The rank of a blob of which so many slivers can be counted on.
    #[must_use]
    pub fn of(scheme: Scheme, living: usize) -> Self {
        let survival = Survival::of(living, scheme.k());
        if living >= scheme.n() {
            Self::Whole
        } else if living > scheme.k() {
            Self::Endangered(survival)
        } else if living == scheme.k() {
            Self::Last(survival)
        } else {
            Self::TooFewLeft
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(scheme: &str, living: usize) -> RepairRank {
        RepairRank::of(scheme.parse().expect("a scheme"), living)
    }

    #[test]
    fn the_shorter_it_is_expected_to_live_the_sooner() {
        let order = [
            // The next loss is the end of each, and comes sooner among ten slivers than among four or one.
            ("rs-10-4", 10),
            ("rs-4-2", 4),
            ("copy-3", 1),
            ("rs-10-4", 11),
            ("rs-10-4", 12),
            ("rs-10-4", 13),
            ("rs-4-2", 5),
            ("copy-3", 2),
        ];
        let ranks = order.map(|(scheme, living)| rank(scheme, living));
        assert!(ranks.is_sorted(), "{ranks:?}");
        for whole in [rank("rs-4-2", 6), rank("copy-3", 3), rank("copy-1", 1)] {
            assert_eq!(whole, RepairRank::Whole, "moves come after everything that is endangered");
            assert!(ranks.iter().all(|endangered| *endangered < whole));
        }
        assert_eq!([rank("rs-4-2", 3), rank("rs-4-2", 0)], [RepairRank::TooFewLeft; 2]);
        assert!(RepairRank::Whole < RepairRank::Unbalanced && RepairRank::Unbalanced < RepairRank::TooFewLeft);
    }

    #[test]
    fn survival_is_the_sum_of_the_waits_for_each_loss() {
        assert_eq!(rank("rs-4-2", 5), RepairRank::Endangered(Survival(450)));
        assert_eq!(rank("rs-4-2", 4), RepairRank::Last(Survival(250)));
        assert_eq!(Survival::of(256, 1).thousandths(), 6_124, "the longest there is");
    }
}
