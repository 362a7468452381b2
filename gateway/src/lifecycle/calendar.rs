//! What a day is, and when so many of them are over.

use crate::domain::Timestamp;
use crate::lifecycle::when::When;

/// Seconds of a day.
const DAY_SECONDS: u32 = 86_400;

/// A calendar. A day is shorter only with `[debug] lifecycle_day_seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    day_seconds: u32,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { day_seconds: DAY_SECONDS }
    }
}

impl Calendar {
    /// A calendar with days of so many seconds.
    #[must_use]
    pub fn with_day_seconds(day_seconds: u32) -> Self {
        Self { day_seconds: day_seconds.max(1) }
    }

    /// Seconds of its day.
    #[must_use]
    pub fn day_seconds(self) -> u32 {
        self.day_seconds
    }

    /// When a rule is due for something that began at `since`. As with Amazon, days are added and the sum is
    /// rounded up to the next midnight UTC; days that are not real ones are not rounded.
    #[must_use]
    pub fn due(self, when: When, since: Timestamp) -> Timestamp {
        match when {
            When::Date(at) => Timestamp(at),
            When::Days(days) => {
                let due = since.plus_seconds(i64::from(days) * i64::from(self.day_seconds));
                if self.day_seconds != DAY_SECONDS {
                    return due;
                }
                let day = i64::from(DAY_SECONDS) * 1_000_000;
                let over = due.0.rem_euclid(day);
                Timestamp(if over == 0 { due.0 } else { due.0.saturating_add(day - over) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    #[test]
    fn days_end_at_midnight_and_short_ones_do_not() {
        // Since, days, due; in microseconds.
        let table = [
            (0, 1, DAY),
            (1, 1, 2 * DAY),
            (DAY - 1, 1, 2 * DAY),
            (DAY, 3, 4 * DAY),
            (5 * DAY + 7, 30, 36 * DAY),
            (7, 0, DAY),
        ];
        for (since, days, due) in table {
            assert_eq!(Calendar::default().due(When::Days(days), Timestamp(since)), Timestamp(due), "{since} {days}");
        }
        let short = Calendar::with_day_seconds(10);
        assert_eq!(short.due(When::Days(3), Timestamp(7)), Timestamp(30_000_007));
        assert_eq!(short.due(When::Date(5 * DAY), Timestamp(7)), Timestamp(5 * DAY));
        assert_eq!(Calendar::default().due(When::Days(u32::MAX), Timestamp(i64::MAX)).0, i64::MAX);
    }
}
