//! Which blob is repaired before which.

use codec::Scheme;

/// The place of a blob in the queue of repairs. What is less comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepairRank {
    /// It can be read, and stays readable when so many more slivers are lost. At 0 the next loss is its end.
    MayLose(usize),
    /// Fewer than k slivers are left, so it cannot be repaired now, only looked at: a backend may come back. It comes last,
    /// because with backends away there may be any number of such blobs, which would take every turn of those that can still
    /// be saved. When nothing else is due it is looked at as often as its pauses allow.
    TooFewLeft,
}

impl RepairRank {
    /// The rank of a blob of which so many slivers can be counted on.
    #[must_use]
    pub fn of(scheme: Scheme, living: usize) -> Self {
        living.checked_sub(scheme.k()).map_or(Self::TooFewLeft, Self::MayLose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewer_it_may_lose_the_sooner_and_what_cannot_be_repaired_is_last() {
        let scheme: Scheme = "rs-4-2".parse().expect("a scheme");
        let rank = |living| RepairRank::of(scheme, living);
        assert_eq!([4, 5, 6].map(rank), [0, 1, 2].map(RepairRank::MayLose));
        assert_eq!([0, 3].map(rank), [RepairRank::TooFewLeft; 2]);
        let mut queue = [3, 6, 4, 5].map(rank);
        queue.sort_unstable();
        assert_eq!(queue, [4, 5, 6, 3].map(rank));
    }
}
