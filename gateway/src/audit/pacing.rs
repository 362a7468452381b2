//! How many samples are due, and when.

use crate::config::AuditConfig;
use crate::domain::Timestamp;
use crate::metadata::{AuditEpoch, AuditShare};

/// Samples of one backend in an epoch, at most.
const SAMPLES_MAX: u64 = 10_000;

/// A day, by which nodes count what they move.
const DAY_SECONDS: i64 = 86_400;

/// How far the clock of a node may be from this one's.
const CLOCKS_DIFFER_SECONDS: i64 = 300;

/// Samples of a backend in an epoch: the least, and one for each so many slivers that it seems to hold, by the part of the draws of the
/// epoch before that named one of them.
pub(super) fn samples_due(settings: &AuditConfig, serials: u64, before: Option<&AuditShare>) -> u64 {
    let held = before.filter(|share| share.drawn > 0).map_or(0, |share| {
        let held = u128::from(serials) * u128::from(share.found) / u128::from(share.drawn);
        u64::try_from(held).unwrap_or(u64::MAX)
    });
    (u64::from(settings.samples) + held / u64::from(settings.slivers_per_sample.max(1))).min(SAMPLES_MAX)
}

/// Samples that are due by now and were not taken: they are spread evenly over the epoch.
pub(super) fn wanted(epoch: &AuditEpoch, now: Timestamp, share: &AuditShare) -> u64 {
    let length = (epoch.ends_at.0 - epoch.begun_at.0).max(1);
    let passed = (now.0 - epoch.begun_at.0).clamp(0, length);
    let due = i128::from(share.due) * i128::from(passed) / i128::from(length);
    u64::try_from(due).unwrap_or(0).saturating_add(1).min(share.due).saturating_sub(share.found)
}

/// Seconds until the day of UTC is over, and as many as clocks of nodes may differ.
pub(super) fn seconds_until_next_day(now: Timestamp) -> i64 {
    DAY_SECONDS - (now.0 / 1_000_000).rem_euclid(DAY_SECONDS) + CLOCKS_DIFFER_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn share(due: u64, drawn: u64, found: u64) -> AuditShare {
        AuditShare { nonce: [0; 32], nonce_signature: None, due, drawn, found, bytes: 0 }
    }

    #[test]
    fn samples_are_spread_evenly_and_caught_up_with() {
        let (begun_at, ends_at) = (Timestamp(50 * SECOND), Timestamp(150 * SECOND));
        let epoch = AuditEpoch { number: 1, secret: [0; 32], commitment: [0; 32], serials: 1_000, begun_at, ends_at };
        let at = |second: i64, found: u64| wanted(&epoch, Timestamp(second * SECOND), &share(20, found, found));
        assert_eq!(
            [at(0, 0), at(50, 0), at(54, 0), at(55, 0), at(55, 1)],
            [1, 1, 1, 2, 1],
            "one at once, then one in five seconds"
        );
        assert_eq!([at(100, 3), at(149, 20), at(150, 0), at(9_999, 19), at(9_999, 20)], [8, 0, 20, 1, 0]);
    }

    #[test]
    fn who_holds_more_is_asked_for_more() {
        let settings = AuditConfig { samples: 96, slivers_per_sample: 10_000, ..AuditConfig::default() };
        let due = |serials, before: Option<AuditShare>| samples_due(&settings, serials, before.as_ref());
        assert_eq!((due(1_000_000, None), due(1_000_000, Some(share(96, 0, 0)))), (96, 96), "it is not known yet");
        assert_eq!(due(1_000_000, Some(share(96, 960, 96))), 96 + 10, "a tenth of a million");
        assert_eq!(due(u64::MAX, Some(share(96, 96, 96))), 10_000);
    }

    #[test]
    fn a_day_ends_for_every_clock() {
        let after = |seconds: i64| seconds_until_next_day(Timestamp(seconds * SECOND));
        assert_eq!([after(0), after(86_399), after(86_400), after(-1)], [86_700, 301, 86_700, 301]);
    }
}
