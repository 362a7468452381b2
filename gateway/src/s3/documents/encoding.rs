//! How times and names are shown in lists.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::Timestamp;

/// What `encoding-type=url` encodes.
const URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

/// A time as XML shows it: `2015-10-21T07:28:00.000Z`. Milliseconds are always zero, as Amazon has it, so that
/// the time equals `Last-Modified`.
#[must_use]
pub fn xml_time(time: Timestamp) -> String {
    time.whole_seconds().iso()
}

/// A name as `encoding-type=url` shows it: letters, digits, `-_.*` and `/` stay, every other byte of its UTF-8 becomes
/// `%XX`. So does a space: `%20` is understood by clients that read `+` as a space and by those that do not.
#[must_use]
pub fn url(name: &str) -> String {
    utf8_percent_encode(name, URL).to_string()
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
            prop_assert_eq!(crate::s3::uri::decode_query(&url(&name)).unwrap(), name);
        }
    }
}
