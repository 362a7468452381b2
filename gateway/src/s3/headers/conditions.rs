//! Conditional requests: `If-Match` and its three sisters on reads and copy sources, and conditions on writes. A refusal
//! names the condition that did not hold: s3fs, for one, detects by it whether a file existed already.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;

use crate::domain::{ETag, Timestamp, WriteCondition};
use crate::policy::Value;
use crate::s3::error::{Code, S3Error};

/// The outcome of the conditions of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionOutcome {
    /// Go on.
    Proceed,
    /// The client's copy is still good, by this header: 304, or 412 on a copy source.
    NotModified(&'static str),
    /// 412, because of this header.
    Failed(&'static str),
}

/// The names of the four headers as Amazon shows them, in the order `If-Match`, `If-None-Match`, `If-Modified-Since`,
/// `If-Unmodified-Since`.
pub struct Names([&'static str; 4]);

/// The headers of GET and HEAD.
pub const READ: Names = Names(["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"]);

/// The headers that speak of the source of a copy.
pub const COPY_SOURCE: Names = Names([
    "x-amz-copy-source-If-Match",
    "x-amz-copy-source-If-None-Match",
    "x-amz-copy-source-If-Modified-Since",
    "x-amz-copy-source-If-Unmodified-Since",
]);

/// The headers that speak of what is to be renamed.
pub const RENAME_SOURCE: Names = Names([
    "x-amz-rename-source-If-Match",
    "x-amz-rename-source-If-None-Match",
    "x-amz-rename-source-If-Modified-Since",
    "x-amz-rename-source-If-Unmodified-Since",
]);

/// Evaluates the conditions of a request against a version, with the precedence of RFC 9110 section 13.2.2: a tag outranks a
/// date. A date that cannot be read is no condition, nor is one to come that asks for what changed since.
#[must_use]
pub fn evaluate(
    headers: &HeaderMap,
    names: &Names,
    etag: ETag,
    modified_at: Timestamp,
    now: Timestamp,
) -> ConditionOutcome {
    let [if_match, if_none_match, if_modified_since, if_unmodified_since] = names.0;
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(tags) = text(if_match) {
        if !names_tag(tags, etag) {
            return ConditionOutcome::Failed(if_match);
        }
    } else if let Some(limit) = text(if_unmodified_since).and_then(date_seconds)
        && modified_at.seconds() > limit
    {
        return ConditionOutcome::Failed(if_unmodified_since);
    }
    if let Some(tags) = text(if_none_match) {
        if names_tag(tags, etag) {
            return ConditionOutcome::NotModified(if_none_match);
        }
    } else if let Some(since) = text(if_modified_since).and_then(date_seconds)
        && modified_at.seconds() <= since
        && since <= now.seconds()
    {
        return ConditionOutcome::NotModified(if_modified_since);
    }
    ConditionOutcome::Proceed
}

/// Whether `If-Range` still allows the range: its tag or date must be exactly the version's.
#[must_use]
pub fn range_is_current(headers: &HeaderMap, etag: ETag, modified_at: Timestamp) -> bool {
    let Some(value) = headers.get("if-range") else { return true };
    let Ok(value) = value.to_str() else { return false };
    match date_seconds(value) {
        Some(date) => date == modified_at.seconds(),
        None => !value.trim_start().starts_with("W/") && names_tag(value, etag),
    }
}

/// The condition of a write, or `None` when both headers are there, which no operation defines.
#[must_use]
pub fn of_write(headers: &HeaderMap) -> Option<WriteCondition> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    match (text("if-match"), text("if-none-match")) {
        (None, None) => Some(WriteCondition::None),
        (Some(_), Some(_)) => None,
        (Some("*"), None) => Some(WriteCondition::Present),
        (Some(tag), None) => Some(tag.parse().map_or(WriteCondition::Never, WriteCondition::Matches)),
        (None, Some("*")) => Some(WriteCondition::Absent),
        (None, Some(tag)) => Some(tag.parse().map_or(WriteCondition::None, WriteCondition::Differs)),
    }
}

/// What a condition of a policy sees of `If-Match`: what the write will be held against.
#[must_use]
pub fn if_match(condition: &WriteCondition) -> Option<Value<'static>> {
    match condition {
        WriteCondition::Present => Some(Value::from("*")),
        WriteCondition::Matches(tag) => Some(Value::from(format!("\"{tag}\""))),
        WriteCondition::Never => Some(Value::from("")),
        WriteCondition::None | WriteCondition::Absent | WriteCondition::Differs(_) => None,
    }
}

/// What a condition of a policy sees of `If-None-Match`.
#[must_use]
pub fn if_none_match(condition: &WriteCondition) -> Option<Value<'static>> {
    match condition {
        WriteCondition::Absent => Some(Value::from("*")),
        WriteCondition::Differs(tag) => Some(Value::from(format!("\"{tag}\""))),
        WriteCondition::None | WriteCondition::Present | WriteCondition::Matches(_) | WriteCondition::Never => None,
    }
}

/// The condition of a write as its refusal names it; `If-Match` outranks the other where both are there.
#[must_use]
pub fn name_of_write(headers: &HeaderMap) -> Option<&'static str> {
    ["If-Match", "If-None-Match"].into_iter().find(|name| headers.contains_key(*name))
}

/// `PreconditionFailed` because of this header.
#[must_use]
pub fn failed(name: &'static str) -> S3Error {
    S3Error::new(Code::PreconditionFailed).field("Condition", name)
}

/// Whether a list of tags names this one. Quotes may be missing: several clients forget them.
fn names_tag(list: &str, etag: ETag) -> bool {
    list.split(',').map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag.parse() == Ok(etag)
    })
}

fn date_seconds(text: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// A point in time as `Last-Modified` shows it.
#[must_use]
pub fn http_date(time: Timestamp) -> String {
    let seconds = u64::try_from(time.seconds()).unwrap_or_default();
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds.min(253_402_300_799)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: ETag = ETag { md5: [0xab; 16], parts: None };
    const QUOTED: &str = "\"abababababababababababababababab\"";
    const OTHER: &str = "\"00000000000000000000000000000000\"";
    /// 2015-10-21 07:28:00 UTC and half a second.
    const TIME: Timestamp = Timestamp(1_445_412_480_500_000);
    const EXACT: &str = "Wed, 21 Oct 2015 07:28:00 GMT";
    const BEFORE: &str = "Wed, 21 Oct 2015 07:27:59 GMT";
    const AFTER: &str = "Wed, 21 Oct 2015 07:28:01 GMT";
    /// An hour later.
    const NOW: Timestamp = Timestamp(TIME.0 + 3_600_000_000);
    const TO_COME: &str = "Wed, 21 Oct 2015 08:28:01 GMT";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_tag_outranks_a_date() {
        use ConditionOutcome::{Failed, NotModified, Proceed};
        let (matches, none_match) = ("If-Match", "If-None-Match");
        let (modified, unmodified) = ("If-Modified-Since", "If-Unmodified-Since");
        let list = format!("{OTHER}, W/{QUOTED}");
        let table: &[(&[(&'static str, &str)], ConditionOutcome)] = &[
            (&[], Proceed),
            (&[("if-match", QUOTED)], Proceed),
            (&[("if-match", "abababababababababababababababab")], Proceed),
            (&[("if-match", &list)], Proceed),
            (&[("if-match", "*")], Proceed),
            (&[("if-match", OTHER)], Failed(matches)),
            (&[("if-match", "\"nonsense\"")], Failed(matches)),
            (&[("if-none-match", QUOTED)], NotModified(none_match)),
            (&[("if-none-match", "*")], NotModified(none_match)),
            (&[("if-none-match", OTHER)], Proceed),
            (&[("if-modified-since", EXACT)], NotModified(modified)),
            (&[("if-modified-since", AFTER)], NotModified(modified)),
            (&[("if-modified-since", BEFORE)], Proceed),
            (&[("if-modified-since", TO_COME)], Proceed),
            (&[("if-unmodified-since", TO_COME)], Proceed),
            (&[("if-modified-since", "yesterday")], Proceed),
            (&[("if-unmodified-since", EXACT)], Proceed),
            (&[("if-unmodified-since", BEFORE)], Failed(unmodified)),
            (&[("if-match", QUOTED), ("if-unmodified-since", BEFORE)], Proceed),
            (&[("if-none-match", OTHER), ("if-modified-since", AFTER)], Proceed),
            (&[("if-none-match", QUOTED), ("if-modified-since", BEFORE)], NotModified(none_match)),
            (&[("if-match", OTHER), ("if-none-match", QUOTED)], Failed(matches)),
        ];
        for (pairs, outcome) in table {
            assert_eq!(evaluate(&headers(pairs), &READ, TAG, TIME, NOW), *outcome, "{pairs:?}");
        }
        let copy = headers(&[("x-amz-copy-source-If-None-Match", QUOTED), ("if-match", OTHER)]);
        assert_eq!(evaluate(&copy, &COPY_SOURCE, TAG, TIME, NOW), NotModified("x-amz-copy-source-If-None-Match"));
        let copy = headers(&[("x-amz-copy-source-If-Modified-Since", TO_COME)]);
        assert_eq!(evaluate(&copy, &COPY_SOURCE, TAG, TIME, NOW), Proceed);
    }

    #[test]
    fn a_refused_write_says_which_condition_did_not_hold() {
        let name = |pairs: &[(&'static str, &str)]| name_of_write(&headers(pairs));
        assert_eq!(name(&[("if-none-match", "*")]), Some("If-None-Match"));
        assert_eq!(name(&[("if-match", OTHER)]), Some("If-Match"));
        assert_eq!(name(&[("if-modified-since", EXACT)]), None);
    }

    #[test]
    fn a_range_needs_the_very_same_version() {
        for (value, current) in [(QUOTED, true), (OTHER, false), (EXACT, true), (BEFORE, false), (AFTER, false)] {
            assert_eq!(range_is_current(&headers(&[("if-range", value)]), TAG, TIME), current, "{value}");
        }
        let weak = format!("W/{QUOTED}");
        assert!(!range_is_current(&headers(&[("if-range", &weak)]), TAG, TIME));
        assert!(range_is_current(&HeaderMap::new(), TAG, TIME));
    }

    #[test]
    fn writes_know_present_absent_and_tags() {
        let of = |pairs: &[(&'static str, &str)]| of_write(&headers(pairs));
        assert_eq!(of(&[]), Some(WriteCondition::None));
        assert_eq!(of(&[("if-none-match", "*")]), Some(WriteCondition::Absent));
        assert_eq!(of(&[("if-none-match", QUOTED)]), Some(WriteCondition::Differs(TAG)));
        assert_eq!(of(&[("if-match", "*")]), Some(WriteCondition::Present));
        assert_eq!(of(&[("if-match", QUOTED)]), Some(WriteCondition::Matches(TAG)));
        assert_eq!(of(&[("if-match", "ABC")]), Some(WriteCondition::Never));
        assert_eq!(of(&[("if-match", QUOTED), ("if-none-match", "*")]), None);
    }

    #[test]
    fn policies_see_only_conditions_that_will_be_checked() {
        let of = |pairs: &[(&'static str, &str)]| of_write(&headers(pairs)).expect("one condition");
        assert_eq!(if_none_match(&of(&[("if-none-match", "nonsense")])), None, "such a write always happens");
        assert_eq!(if_none_match(&of(&[("if-none-match", "*")])), Some(Value::from("*")));
        assert_eq!(if_none_match(&of(&[("if-none-match", QUOTED)])), Some(Value::from(QUOTED)));
        assert_eq!(if_match(&of(&[("if-match", "abababababababababababababababab")])), Some(Value::from(QUOTED)));
        assert_eq!((if_match(&of(&[])), if_none_match(&of(&[]))), (None, None));
    }

    #[test]
    fn dates_are_shown_as_http_shows_them() {
        assert_eq!(http_date(TIME), EXACT);
        assert_eq!(http_date(Timestamp(i64::MAX)), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(http_date(Timestamp(-5)), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
