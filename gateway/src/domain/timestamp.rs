//! A point in time.

use time::OffsetDateTime;
use time::macros::format_description;

/// Microseconds since the Unix epoch, UTC.
///
/// Used for what people see (Last-Modified) and for expiry; never to order versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Whole seconds since the epoch, rounded towards the past.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The time `seconds` later.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The start of the hour this time lies in, as hours since the epoch: the key of metering rows.
    #[must_use]
    pub fn hour(self) -> i64 {
        self.seconds().div_euclid(3_600)
    }

    /// Without its fraction of a second.
    #[must_use]
    pub fn whole_seconds(self) -> Self {
        Self(self.seconds().saturating_mul(1_000_000))
    }

    /// Its date and time of day in UTC. What no calendar shows is shown as the epoch.
    #[must_use]
    pub fn utc(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// ISO 8601 to the millisecond: `2015-10-21T07:28:00.500Z`.
    #[must_use]
    pub fn iso(self) -> String {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        self.utc().format(format).expect("it has a date and a time of day")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_to_the_millisecond() {
        for (at, text) in [
            (1_445_412_480_500_999, "2015-10-21T07:28:00.500Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (0, "1970-01-01T00:00:00.000Z"),
            (i64::MAX, "1970-01-01T00:00:00.000Z"),
            (i64::MIN, "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(Timestamp(at).iso(), text, "{at}");
        }
        assert_eq!(Timestamp(1_999_999).whole_seconds(), Timestamp(1_000_000));
        assert_eq!(Timestamp(-1).whole_seconds(), Timestamp(-1_000_000));
    }
}
