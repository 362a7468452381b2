//! Which of the segments that were found are the journal.

use std::collections::{BTreeMap, HashMap};

use crate::journal::record::{JournalEnd, RecordHash};

/// A segment that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundSegment {
    /// The segment before it, as it says.
    pub previous: JournalEnd,
    /// The hash of its text.
    pub hash: RecordHash,
    /// When its last change was recorded.
    pub until_at: i64,
    /// Bytes of it.
    pub bytes: u64,
    /// Its transaction goes on in the next one.
    pub continued: bool,
}

impl FoundSegment {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.previous.number + 1
    }

    fn end(&self) -> JournalEnd {
        JournalEnd { number: self.number(), hash: self.hash }
    }
}

/// The journal after a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Places of its segments among those that were found, in order.
    pub segments: Vec<usize>,
    /// Where it ends.
    pub end: JournalEnd,
    /// Numbers of segments that were found and do not follow from it: one in between is missing.
    pub beyond: Vec<u64>,
}

/// Follows the hashes from where a snapshot was taken. Where a gateway was stopped between a segment and its transaction, two follow the
/// same: the one that has the longer way after it counts, then the larger, because what is in the other was written again.
#[must_use]
pub fn chain(after: JournalEnd, found: &[FoundSegment]) -> Chain {
    let mut following: HashMap<JournalEndKey, Vec<usize>> = HashMap::new();
    for (place, segment) in found.iter().enumerate() {
        following.entry(key(segment.previous)).or_default().push(place);
    }
    let lengths = lengths(found, &following);
    let (mut segments, mut end) = (Vec::new(), after);
    while let Some(next) = following.get(&key(end)) {
        let best = next
            .iter()
            .copied()
            .max_by_key(|place| (lengths.get(place).copied().unwrap_or(0), found[*place].bytes, found[*place].hash));
        let Some(best) = best else { break };
        segments.push(best);
        end = found[best].end();
    }
    let mut beyond: Vec<u64> = found.iter().map(FoundSegment::number).filter(|number| *number > end.number).collect();
    beyond.sort_unstable();
    beyond.dedup();
    Chain { segments, end, beyond }
}

type JournalEndKey = (u64, RecordHash);

fn key(end: JournalEnd) -> JournalEndKey {
    (end.number, end.hash)
}

/// How many segments follow each, the longest way.
fn lengths(found: &[FoundSegment], following: &HashMap<JournalEndKey, Vec<usize>>) -> BTreeMap<usize, u64> {
    let mut order: Vec<usize> = (0..found.len()).collect();
    // The last first: what follows has a higher number.
    order.sort_unstable_by_key(|place| std::cmp::Reverse(found[*place].number()));
    let mut lengths = BTreeMap::new();
    for place in order {
        let next = following.get(&key(found[place].end())).into_iter().flatten();
        let longest = next.filter_map(|next| lengths.get(next)).max().map_or(0, |longest: &u64| longest + 1);
        lengths.insert(place, longest);
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(number: u64, previous: u8, hash: u8, bytes: u64) -> FoundSegment {
        let previous =
            if number == 1 { JournalEnd::BEGINNING } else { JournalEnd { number: number - 1, hash: [previous; 32] } };
        FoundSegment { previous, hash: [hash; 32], until_at: 0, bytes, continued: false }
    }

    #[test]
    fn segments_follow_by_hash_whatever_their_order() {
        let found = [segment(3, 2, 3, 9), segment(1, 0, 1, 9), segment(2, 1, 2, 9)];
        let chain = chain(JournalEnd::BEGINNING, &found);
        assert_eq!(chain.segments, [1, 2, 0]);
        assert_eq!(chain.end, JournalEnd { number: 3, hash: [3; 32] });
        assert!(chain.beyond.is_empty());
    }

    #[test]
    fn of_two_the_one_that_goes_on_counts_and_at_the_end_the_larger() {
        // 2b is larger, but 3 follows 2a. 4a and 4b are both the last.
        let found = [
            segment(1, 0, 1, 9),
            segment(2, 1, 21, 5),
            segment(2, 1, 22, 50),
            segment(3, 21, 3, 9),
            segment(4, 3, 41, 5),
            segment(4, 3, 42, 6),
        ];
        let chain = chain(JournalEnd::BEGINNING, &found);
        assert_eq!(chain.segments, [0, 1, 3, 5]);
    }

    #[test]
    fn what_lies_beyond_a_gap_is_named_and_not_followed() {
        let found = [segment(1, 0, 1, 9), segment(3, 2, 3, 9), segment(4, 3, 4, 9)];
        let chain = chain(JournalEnd::BEGINNING, &found);
        assert_eq!((chain.segments, chain.beyond), (vec![0], vec![3, 4]));
    }

    #[test]
    fn a_snapshot_begins_where_it_was_taken() {
        let found = [segment(1, 0, 1, 9), segment(2, 1, 2, 9), segment(3, 2, 3, 9)];
        let chain = chain(JournalEnd { number: 2, hash: [2; 32] }, &found);
        assert_eq!(chain.segments, [2]);
    }
}
