//! Transactions are applied whole or not at all: a version without its extents, or a count without what it counts, would be worse than neither.

use std::collections::HashMap;

use crate::journal::chain::FoundSegment;
use crate::journal::line::JournalLine;

/// A segment whose transactions all end in it or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholeSegment {
    /// Its place in what was found.
    pub place: usize,
    /// When the last change of its transaction was recorded, if that is spread over several segments.
    pub spread_until: Option<i64>,
}

/// The segments of a chain, but for the last ones if the end of their transaction is missing. `places` are those of the chain.
#[must_use]
pub fn whole_segments(places: &[usize], found: &[FoundSegment]) -> Vec<WholeSegment> {
    let mut whole = Vec::with_capacity(places.len());
    let mut spread: Vec<usize> = Vec::new();
    for place in places {
        let Some(segment) = found.get(*place) else { continue };
        spread.push(*place);
        if segment.continued {
            continue;
        }
        let ends = spread.iter().filter_map(|place| found.get(*place)).map(|segment| segment.until_at).max();
        let spread_until = ends.filter(|_| spread.len() > 1);
        whole.extend(spread.drain(..).map(|place| WholeSegment { place, spread_until }));
    }
    whole
}

/// When each transaction of a segment ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionEnds {
    ends: HashMap<i64, i64>,
    spread_until: Option<i64>,
}

impl TransactionEnds {
    /// Of a segment with these lines.
    #[must_use]
    pub fn of(segment: WholeSegment, lines: &[JournalLine]) -> Self {
        let mut ends = HashMap::new();
        for line in lines {
            if let Some(transaction) = line.transaction {
                let end = ends.entry(transaction).or_insert(line.at);
                *end = line.at.max(*end);
            }
        }
        Self { ends, spread_until: segment.spread_until }
    }

    /// When the transaction of a line ended, as far as the journal knows: that of its last change. A change of an earlier release stands alone.
    #[must_use]
    pub fn end_of(&self, line: &JournalLine) -> i64 {
        let end = line.transaction.and_then(|transaction| self.ends.get(&transaction)).copied();
        self.spread_until.or(end).unwrap_or(line.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::record::JournalEnd;

    fn segment(number: u64, until_at: i64, continued: bool) -> FoundSegment {
        let previous = JournalEnd { number: number - 1, hash: [0; 32] };
        FoundSegment { previous, hash: [0; 32], until_at, bytes: 1, continued }
    }

    #[test]
    fn what_has_no_end_is_left_out() {
        // The second transaction has three segments, that of the last two goes on and nobody knows how.
        let found = [
            (1, 10, false),
            (2, 20, true),
            (3, 25, true),
            (4, 22, false),
            (5, 30, false),
            (6, 40, true),
            (7, 50, true),
        ]
        .map(|(number, until_at, continued)| segment(number, until_at, continued));
        let whole = whole_segments(&[0, 1, 2, 3, 4, 5, 6], &found);
        let expected = [(0, None), (1, Some(25)), (2, Some(25)), (3, Some(25)), (4, None)];
        assert_eq!(whole, expected.map(|(place, spread_until)| WholeSegment { place, spread_until }));
        assert!(whole_segments(&[5, 6], &found).is_empty());
    }

    #[test]
    fn a_transaction_ends_with_its_last_change() {
        let line = |id, at, transaction| {
            let line = JournalLine::new(id, at, "blob", "[]", "[]").unwrap();
            JournalLine { transaction, ..line }
        };
        let lines =
            [line(1, 10, Some(7)), line(2, 11, Some(8)), line(3, 12, Some(7)), line(4, 13, None), line(5, 14, None)];
        let whole = |spread_until| WholeSegment { place: 0, spread_until };
        let ends = TransactionEnds::of(whole(None), &lines);
        assert_eq!(lines.each_ref().map(|line| ends.end_of(line)), [12, 11, 12, 13, 14]);
        let ends = TransactionEnds::of(whole(Some(99)), &lines[..1]);
        assert_eq!(ends.end_of(&lines[0]), 99);
    }
}
