//! How times and names are shown in lists.

use std::fmt::Write as _;

use time::OffsetDateTime;

use crate::domain::Timestamp;

/// Appends a time as XML shows it: `2015-10-21T07:28:00.000Z`. Milliseconds are always zero, as Amazon has it, so that
/// the time equals `Last-Modified`.
pub fn push_time(out: &mut String, time: Timestamp) {
    let moment = OffsetDateTime::from_unix_timestamp(time.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = (moment.year(), u8::from(moment.month()), moment.day());
    let (hour, minute, second) = (moment.hour(), moment.minute(), moment.second());
    // Writing to a String cannot fail.
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z");
}

/// A time as XML shows it.
#[must_use]
pub fn xml_time(time: Timestamp) -> String {
    let mut out = String::with_capacity(24);
    push_time(&mut out, time);
    out
}

/// A name as `encoding-type=url` shows it: letters, digits, `-_.*` and `/` stay, every other byte of its UTF-8 becomes
/// `%XX`. So does a space: `%20` is understood by clients that read `+` as a space and by those that do not.
#[must_use]
pub fn url(name: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(name.len() + 8);
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_have_no_fraction() {
        assert_eq!(xml_time(Timestamp(1_445_412_480_500_000)), "2015-10-21T07:28:00.000Z");
        assert_eq!(xml_time(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(xml_time(Timestamp(i64::MAX)), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn names_are_encoded_as_any_client_decodes_them() {
        assert_eq!(url("a b/c+d~e*é\u{1}"), "a%20b/c%2Bd%7Ee*%C3%A9%01");
    }

    proptest! {
        #[test]
        fn clients_decode_what_we_encode(name in ".*") {
            prop_assert_eq!(super::super::uri::decode_query(&url(&name)).unwrap(), name);
        }
    }
}
