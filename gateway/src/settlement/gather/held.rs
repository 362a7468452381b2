//! How much was held for how long, from what was held at a few moments.

use crate::metadata::HeldSample;

/// What a provider held, at the moments when it was looked at.
pub(in crate::settlement) fn held(samples: &[HeldSample]) -> Vec<(i64, u64)> {
    samples.iter().map(|sample| (sample.taken_at.0, sample.held_bytes)).collect()
}

/// What it kept as trash: its own word, but no more than went from it since the first of these moments.
pub(in crate::settlement) fn trash(samples: &[HeldSample]) -> Vec<(i64, u64)> {
    let (mut gone, mut before) = (0u64, None::<u64>);
    let mut points = Vec::with_capacity(samples.len());
    for sample in samples {
        gone = gone.saturating_add(before.map_or(0, |before| before.saturating_sub(sample.held_bytes)));
        before = Some(sample.held_bytes);
        points.push((sample.taken_at.0, sample.trash_bytes.min(gone)));
    }
    points
}

/// The area under the line through `points` (a time in microseconds and bytes, the oldest first) between two times. It begins with
/// `before` where no point is as old as the beginning. None where no point is as young as the end: then too little is known.
pub(in crate::settlement) fn area(points: &[(i64, u64)], before: u64, (begin, end): (i64, i64)) -> Option<u128> {
    let last = points.last().filter(|(at, _)| *at >= end)?;
    let first = points.first().filter(|(at, _)| *at > begin).map(|_| (begin, before));
    let line: Vec<_> = first.into_iter().chain(points.iter().copied()).collect();
    let pieces = line.windows(2).map(|pair| piece(pair[0], pair[1], (begin, end)));
    // A line of one point at the end itself.
    Some(if line.len() < 2 { u128::from(last.1) * length(begin, end) } else { pieces.sum() })
}

fn length(from: i64, to: i64) -> u128 {
    if to > from { u128::from(to.abs_diff(from)) } else { 0 }
}

fn piece(from: (i64, u64), to: (i64, u64), (begin, end): (i64, i64)) -> u128 {
    let (left, right) = (from.0.max(begin), to.0.min(end));
    let height = |at: i64| {
        let (whole, part) = (length(from.0, to.0).max(1), length(from.0, at));
        let (low, high) = (u128::from(from.1.min(to.1)), u128::from(from.1.max(to.1)));
        let moved = (high - low) * part / whole;
        if from.1 <= to.1 { low + moved } else { high - moved }
    };
    if left >= right { 0 } else { (height(left) + height(right)) * length(left, right) / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    #[test]
    fn nobody_is_paid_for_trash_that_never_was_there() {
        let sample = |(at, held_bytes, trash_bytes)| HeldSample {
            taken_at: Timestamp(at),
            held_bytes,
            trash_bytes,
            free_bytes: None,
        };
        let samples = [(0, 100, 1 << 60), (1, 90, 5), (2, 95, 50), (3, 60, 50)].map(sample);
        assert_eq!(trash(&samples), [(0, 0), (1, 5), (2, 10), (3, 45)]);
        assert_eq!(held(&samples), [(0, 100), (1, 90), (2, 95), (3, 60)]);
    }

    #[test]
    fn the_line_is_cut_at_the_ends_of_the_epoch() {
        let points = [(0, 10), (10, 20), (20, 0), (30, 0)];
        assert_eq!(area(&points, 99, (0, 30)), Some(150 + 100));
        assert_eq!(area(&points, 99, (5, 15)), Some(5 * 35 / 2 + 5 * 30 / 2));
        assert_eq!(area(&points, 99, (20, 30)), Some(0));
        assert_eq!(area(&points, 0, (-10, 10)), Some(50 + 150), "it begins with what was held before");
        assert_eq!(area(&points, 0, (0, 31)), None, "nobody looked since");
        assert_eq!(area(&[], 5, (0, 1)), None);
        assert_eq!(area(&[(0, 7)], 5, (-4, 0)), Some(24), "from what was held before");
    }

    #[test]
    fn what_never_changes_is_exact() {
        let points = [(3, 1 << 50), (1_000_000, 1 << 50), (2_000_003, 1 << 50)];
        assert_eq!(area(&points, 0, (3, 2_000_003)), Some(2_000_000 << 50));
    }
}
