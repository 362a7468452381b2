//! Whether the clock went on by so much that an operator should say that it is right.

use crate::domain::money::epoch::JumpTerms;

/// How many whole epochs passed that nobody saw, if they are more than may be begun without a word, and were not confirmed. `confirmed_until`: an
/// operator said that time has come so far.
#[must_use]
pub fn epoch_jump(last_ends_at: i64, now: i64, confirmed_until: i64, terms: &JumpTerms) -> Option<u64> {
    let micros = i64::try_from(terms.micros.max(1)).unwrap_or(i64::MAX);
    let missed = u64::try_from(now.saturating_sub(last_ends_at).div_euclid(micros)).unwrap_or(0);
    let next_ends_at = last_ends_at.saturating_add(micros);
    (missed > terms.unconfirmed_max && next_ends_at > confirmed_until).then_some(missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_beyond_what_is_allowed_waits_until_it_is_confirmed() {
        // The end of the last epoch, now, confirmed until, allowed: how many were missed. Epochs of 100.
        let table = [
            (1_000, 900, 0, 1, None),
            (1_000, 1_000, 0, 1, None),
            (1_000, 1_099, 0, 0, None),
            (1_000, 1_100, 0, 0, Some(1)),
            (1_000, 1_199, 0, 1, None),
            (1_000, 1_200, 0, 1, Some(2)),
            (1_000, 9_000, 0, 1, Some(80)),
            (1_000, 9_000, 0, 80, None),
            // Each epoch that ends by the confirmed time may begin; the clock may jump once more.
            (1_000, 1_250, 1_250, 1, None),
            (1_100, 1_250, 1_250, 1, None),
            (1_200, 1_250, 1_250, 1, None),
            (1_300, 5_000, 1_250, 1, Some(37)),
            (i64::MAX, i64::MIN, 0, 1, None),
            (i64::MIN, i64::MAX, i64::MIN, 1, Some(92_233_720_368_547_758)),
        ];
        for (end, now, confirmed, most, expected) in table {
            let terms = JumpTerms { micros: 100, unconfirmed_max: most };
            assert_eq!(epoch_jump(end, now, confirmed, &terms), expected, "{end} {now} {confirmed} {most}");
        }
    }
}
