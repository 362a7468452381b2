//! The dates that requests are signed with.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::format_description::well_known::Rfc2822;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// Seconds since the Unix epoch of `20130524T000000Z`, the form `x-amz-date` has.
pub(super) fn parse_basic(text: &str) -> Option<i64> {
    // A year may have a sign, which no year has here.
    let signed = !text.starts_with(|first: char| first.is_ascii_digit());
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let time = PrimitiveDateTime::parse(text, format).ok().filter(|_| !signed)?;
    Some(time.assume_utc().unix_timestamp()).filter(|seconds| *seconds >= 0)
}

/// Whether `text` is the day of a moment, as `20130524`.
pub(super) fn is_day(text: &str, seconds: i64) -> bool {
    basic(seconds).get(..8) == Some(text)
}

/// Seconds since the Unix epoch of a `Date` header, in any of the forms clients send.
pub(super) fn parse_http(text: &str) -> Option<i64> {
    let fixed = || {
        let since = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    };
    let mail = || OffsetDateTime::parse(text, &Rfc2822).ok().map(OffsetDateTime::unix_timestamp);
    parse_basic(text).or_else(fixed).or_else(mail).filter(|seconds| *seconds >= 0)
}

/// `20130524T000000Z`.
pub(super) fn basic(seconds: i64) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    at(seconds).format(format).expect("it has a date and a time of day")
}

/// `2013-05-24T00:00:00Z`, the form error bodies use.
pub(super) fn extended(seconds: i64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    at(seconds).format(format).expect("it has a date and a time of day")
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The same moment for the signature engine.
pub(super) fn system(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basic_date_is_read_and_written() {
        assert_eq!(parse_basic("20130524T000000Z"), Some(1_369_353_600));
        assert_eq!(basic(1_369_353_600), "20130524T000000Z");
        assert_eq!(extended(1_369_353_600), "2013-05-24T00:00:00Z");
        for text in [
            "",
            "20130524",
            "20130524T000000",
            "20131324T000000Z",
            "2013052AT000000Z",
            "20130524T0000+0Z",
            "é0130524T00000Z",
            "19690524T000000Z",
        ] {
            assert_eq!(parse_basic(text), None, "{text}");
        }
    }

    #[test]
    fn a_day_is_compared_as_it_is_written() {
        assert!(is_day("20130524", 1_369_353_600) && is_day("20130524", 1_369_439_999));
        for text in ["20130525", "2013524", "020130524", "+0130524", "20130524T", "", "2013052é"] {
            assert!(!is_day(text, 1_369_353_600), "{text}");
        }
        assert!(!is_day("20130524", 1_369_439_999 + 1));
    }

    #[test]
    fn every_form_of_a_date_header_is_the_same_moment() {
        for text in [
            "Fri, 24 May 2013 00:00:00 GMT",
            "Fri, 24 May 2013 00:00:00 +0000",
            "Fri, 24 May 2013 02:00:00 +0200",
            "20130524T000000Z",
        ] {
            assert_eq!(parse_http(text), Some(1_369_353_600), "{text}");
        }
        assert_eq!(parse_http("yesterday"), None);
    }
}
