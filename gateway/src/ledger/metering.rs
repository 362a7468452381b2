//! From meters to usage: bytes times time, exact to the microsecond.
//!
//! Of everything that came to a bucket, or (negative) went, `d` encoded bytes at the time `t`, the sums of `d` and of `d * t` are kept.
//! What lay there until a time `b` came to `b * sum(d) - sum(d * t)` byte-microseconds: the same as the area under the curve. An epoch is charged what
//! this has grown by since the last charge. So a transaction that commits after its epoch was charged is charged with the next one:
//! it is neither lost nor charged twice, whatever the order in which rows become visible. A deletion that commits so late makes the
//! next charges smaller; only where nothing is left to charge, the time by which it was late stays paid.

use serde::{Deserialize, Serialize};

use crate::domain::money::price::Usage;

/// Microseconds of the hours of meters.
pub const HOUR_MICROS: i64 = 3_600_000_000;

/// What the meters of a bucket say of one hour, over all gateways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HourMeters {
    /// Hours since the Unix epoch.
    pub hour: i64,
    /// Encoded bytes that came less those that went.
    pub bytes: i64,
    /// The sum of these times the microseconds since the hour began.
    pub moment: i128,
    /// Encoded bytes that clients wrote.
    pub written: u64,
    /// Requests that change nothing.
    pub requests_read: u64,
    /// Requests that change something or list.
    pub requests_write: u64,
    /// Bytes of response bodies.
    pub egress: u64,
}

/// Sums over hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sums {
    /// Encoded bytes.
    bytes: i128,
    /// Encoded bytes times microseconds since the Unix epoch.
    moment: i128,
    counts: Counts,
}

/// What only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counts {
    written: u64,
    requests_read: u64,
    requests_write: u64,
    egress: u64,
}

/// How far the meters of a bucket were charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargedMeters {
    /// Hours before this one are in `sums` and need not be read any more.
    since_hour: i64,
    sums: Sums,
    /// Byte-microseconds that were charged.
    byte_micros: i128,
    /// Counts that were charged.
    counts: Counts,
}

impl Sums {
    fn add(&mut self, hour: &HourMeters) {
        self.bytes += i128::from(hour.bytes);
        self.moment += i128::from(hour.bytes) * i128::from(hour.hour) * i128::from(HOUR_MICROS) + hour.moment;
        let counts = &mut self.counts;
        counts.written = counts.written.saturating_add(hour.written);
        counts.requests_read = counts.requests_read.saturating_add(hour.requests_read);
        counts.requests_write = counts.requests_write.saturating_add(hour.requests_write);
        counts.egress = counts.egress.saturating_add(hour.egress);
    }
}

impl ChargedMeters {
    /// The first hour whose meters [`Self::charge`] needs.
    #[must_use]
    pub fn since_hour(&self) -> i64 {
        self.since_hour
    }

    /// What is to be charged for the time until `until`, and how far that is charged then. `hours`: all meters since
    /// [`Self::since_hour`] that began before `until`; others are passed over. Hours before `fold_hour` are not looked at any more afterwards.
    #[must_use]
    pub fn charge(&self, hours: &[HourMeters], until: i64, fold_hour: i64) -> (Usage, Self) {
        let fold_hour = fold_hour.max(self.since_hour);
        let (mut all, mut folded) = (self.sums, self.sums);
        let began_before = |hour: &&HourMeters| i128::from(hour.hour) * i128::from(HOUR_MICROS) < i128::from(until);
        for hour in hours.iter().filter(|hour| hour.hour >= self.since_hour).filter(began_before) {
            all.add(hour);
            if hour.hour < fold_hour {
                folded.add(hour);
            }
        }
        let byte_micros = (all.bytes * i128::from(until) - all.moment).max(self.byte_micros);
        let (now, before) = (all.counts, self.counts);
        let usage = Usage {
            byte_micros: byte_micros.abs_diff(self.byte_micros),
            written_bytes: now.written.saturating_sub(before.written),
            requests_read: now.requests_read.saturating_sub(before.requests_read),
            requests_write: now.requests_write.saturating_sub(before.requests_write),
            egress_bytes: now.egress.saturating_sub(before.egress),
        };
        (usage, Self { since_hour: fold_hour, sums: folded, byte_micros, counts: now })
    }

    /// Encoded bytes that lie there by these meters, and byte-microseconds that are not charged yet at `now`.
    #[must_use]
    pub fn pending(&self, hours: &[HourMeters], now: i64) -> (u64, Usage) {
        let mut bytes = self.sums.bytes;
        for hour in hours.iter().filter(|hour| hour.hour >= self.since_hour) {
            bytes += i128::from(hour.bytes);
        }
        (u64::try_from(bytes).unwrap_or(0), self.charge(hours, now, self.since_hour).0)
    }

    /// Whether all that was ever metered went again and was charged, by these meters.
    #[must_use]
    pub fn is_over(&self, hours: &[HourMeters], until: i64) -> bool {
        let (bytes, usage) = self.pending(hours, until);
        bytes == 0 && usage == Usage::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BEGIN: i64 = 480_000 * HOUR_MICROS;

    /// Meters as commits make them of what came and went.
    fn meters(changes: &[(i64, i64)]) -> Vec<HourMeters> {
        let mut hours: std::collections::BTreeMap<i64, HourMeters> = std::collections::BTreeMap::new();
        for (at, bytes) in changes {
            let hour = at.div_euclid(HOUR_MICROS);
            let meters = hours.entry(hour).or_insert(HourMeters { hour, ..HourMeters::default() });
            meters.bytes += bytes;
            meters.moment += i128::from(*bytes) * i128::from(at.rem_euclid(HOUR_MICROS));
            meters.written += u64::try_from(*bytes).unwrap_or(0);
        }
        hours.into_values().collect()
    }

    #[test]
    fn bytes_times_time_is_the_area_under_the_curve() {
        let changes = [(BEGIN + 10, 100), (BEGIN + 30, -40), (BEGIN + HOUR_MICROS + 5, -60)];
        let (usage, _) = ChargedMeters::default().charge(&meters(&changes), BEGIN + 2 * HOUR_MICROS, 0);
        let area = 100 * 20 + 60 * (HOUR_MICROS + 5 - 30);
        assert_eq!(usage.byte_micros, u128::try_from(area).unwrap());
        assert_eq!(usage.written_bytes, 100);
    }

    #[test]
    fn what_commits_late_is_charged_once_and_with_the_next_epoch() {
        let (first, second) = (BEGIN + HOUR_MICROS, BEGIN + 2 * HOUR_MICROS);
        let seen = meters(&[(BEGIN, 10)]);
        let (one, charged) = ChargedMeters::default().charge(&seen, first, 480_000 - 24);
        let (two, _) = charged.charge(&meters(&[(BEGIN, 10), (first - 7, 5)]), second, 480_000 - 24);
        let hour = u128::try_from(HOUR_MICROS).unwrap();
        assert_eq!((one.byte_micros, two.byte_micros), (10 * hour, 10 * hour + 5 * (hour + 7)));
        assert_eq!(one.written_bytes + two.written_bytes, 15);
    }

    #[test]
    fn what_begins_charged_owes_nothing_for_the_past() {
        let hours = meters(&[(BEGIN, 1_000)]);
        let (_, charged) = ChargedMeters::default().charge(&hours, BEGIN + 5, 480_000 - 24);
        let (usage, _) = charged.charge(&hours, BEGIN + 7, 480_000 - 24);
        assert_eq!((usage.byte_micros, usage.written_bytes), (2_000, 0));
    }

    type Change = (i64, i64, i64, i64);

    /// Charges epochs that are cut anywhere; what comes is seen so late, and what goes too if it `goes_late`. The sum, and how far it is charged.
    fn charge_all(changes: &[Change], cuts: &std::collections::BTreeSet<i64>, goes_late: bool) -> (Usage, bool) {
        let seen_at = |until: i64| -> Vec<(i64, i64)> {
            let both = changes.iter().flat_map(|(at, bytes, stays, late)| {
                let gone = at + stays;
                let seen = if goes_late { [at + late, gone + late] } else { [at + *late.min(stays), gone] };
                [(*at, *bytes, seen[0]), (gone, -bytes, seen[1])]
            });
            both.filter(|(_, _, seen)| *seen < until).map(|(at, bytes, _)| (BEGIN + at, bytes)).collect()
        };
        let end = 120 * HOUR_MICROS;
        let mut charged = ChargedMeters::default();
        let mut sum = Usage::default();
        for cut in cuts.iter().copied().chain([end]) {
            let fold = (BEGIN + cut).div_euclid(HOUR_MICROS) - 24;
            let (usage, next) = charged.charge(&meters(&seen_at(cut)), BEGIN + cut, fold);
            charged = serde_json::from_str(&serde_json::to_string(&next).unwrap()).unwrap();
            sum.byte_micros += usage.byte_micros;
            sum.written_bytes += usage.written_bytes;
        }
        (sum, charged.is_over(&meters(&seen_at(end)), BEGIN + end))
    }

    fn any_changes() -> impl Strategy<Value = Vec<Change>> {
        let change = (0..50 * HOUR_MICROS, 1..1_000_000_i64, 0..50 * HOUR_MICROS, 0..HOUR_MICROS);
        prop::collection::vec(change, 0..40)
    }

    proptest! {
        /// However epochs cut time, however late what comes is seen, and whatever is folded: the sum is the whole area.
        #[test]
        fn epochs_sum_up_to_the_whole(changes in any_changes(), cuts in prop::collection::btree_set(1..60 * HOUR_MICROS, 1..12)) {
            let (sum, is_over) = charge_all(&changes, &cuts, false);
            let area: i128 = changes.iter().map(|(_, bytes, stays, _)| i128::from(*bytes) * i128::from(*stays)).sum();
            prop_assert_eq!(sum.byte_micros, area.unsigned_abs());
            let written: i64 = changes.iter().map(|(_, bytes, ..)| bytes).sum();
            prop_assert_eq!(sum.written_bytes, u64::try_from(written).unwrap());
            prop_assert!(is_over);
        }

        /// A deletion that is seen late was charged as if it had come that late, at most; what else is there makes up for it.
        #[test]
        fn late_deletions_cost_their_lateness_at_most(changes in any_changes(), cuts in prop::collection::btree_set(1..60 * HOUR_MICROS, 1..12)) {
            let (sum, is_over) = charge_all(&changes, &cuts, true);
            let area = |stays: fn(&Change) -> i64| -> u128 {
                changes.iter().map(|change| (i128::from(change.1) * i128::from(stays(change))).unsigned_abs()).sum()
            };
            prop_assert!(sum.byte_micros >= area(|change| change.2));
            prop_assert!(sum.byte_micros <= area(|change| change.2 + change.3));
            prop_assert!(is_over);
        }
    }
}
