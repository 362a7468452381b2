//! Dates, as `Date` conditions write them.

use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime, PrimitiveDateTime};

/// Reads an ISO 8601 date or time, or seconds since the epoch, as microseconds since the epoch.
#[must_use]
pub(crate) fn parse(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        return seconds.checked_mul(1_000_000);
    }
    let date = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).map(PrimitiveDateTime::assume_utc))
        .or_else(|_| OffsetDateTime::parse(text, &Iso8601::DEFAULT))
        .or_else(|_| Date::parse(text, &Iso8601::DEFAULT).map(|day| day.midnight().assume_utc()));
    i64::try_from(date.ok()?.unix_timestamp_nanos() / 1_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_seconds() {
        const DAY: i64 = 1_369_353_600_000_000;
        for (text, wanted) in [
            ("1369353600", Some(DAY)),
            ("2013-05-24T00:00:00Z", Some(DAY)),
            ("2013-05-24T02:00:00+02:00", Some(DAY)),
            ("2013-05-24T00:00:00.000Z", Some(DAY)),
            ("2013-05-24T00:00:00", Some(DAY)),
            ("2013-05-24", Some(DAY)),
            ("yesterday", None),
            ("", None),
            ("9223372036854775807", None),
        ] {
            assert_eq!(parse(text), wanted, "{text}");
        }
    }
}
