//! Object lock headers of writes and reads.

use http::{HeaderMap, HeaderName, HeaderValue};
use time::OffsetDateTime;
use time::format_description::well_known::{Iso8601, Rfc3339};

use crate::domain::{Retention, RetentionMode, Timestamp, VersionLock};
use crate::objects::BodyPromise;
use crate::s3::error::{Code, S3Error};

const MODE: HeaderName = HeaderName::from_static("x-amz-object-lock-mode");
const UNTIL: HeaderName = HeaderName::from_static("x-amz-object-lock-retain-until-date");
const HOLD: HeaderName = HeaderName::from_static("x-amz-object-lock-legal-hold");
/// Bypasses governance retention, if permitted.
const BYPASS: &str = "x-amz-bypass-governance-retention";

/// Reads the lock that a write asks for.
///
/// # Errors
/// `InvalidArgument` for half a retention, unknown words, and dates that are none or past.
pub fn read(headers: &HeaderMap, now: Timestamp) -> Result<VersionLock, S3Error> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let retention = match (text(&MODE), text(&UNTIL)) {
        (None, None) => None,
        (Some(mode), Some(until)) => {
            let unknown = || S3Error::argument("Unknown wormMode directive.", MODE.as_str(), mode);
            let mode = RetentionMode::named(mode).ok_or_else(unknown)?;
            let message = "The retain until date must be provided in ISO 8601 format";
            let until = date(until).ok_or_else(|| S3Error::argument(message, UNTIL.as_str(), until))?;
            Some(future(Retention { mode, until }, now)?)
        }
        (mode, _) => {
            let absent = if mode.is_none() { MODE } else { UNTIL };
            let message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
            return Err(S3Error::with(Code::InvalidArgument, message).field("ArgumentName", absent.as_str()));
        }
    };
    let legal_hold = match text(&HOLD) {
        None => None,
        Some(word) => Some(
            hold(word)
                .ok_or_else(|| S3Error::argument("Legal Hold must be either of 'ON' or 'OFF'", HOLD.as_str(), word))?,
        ),
    };
    Ok(VersionLock { retention, legal_hold })
}

/// Whether the caller asks to pass over governance.
#[must_use]
pub fn asks_to_bypass(headers: &HeaderMap) -> bool {
    headers.get(BYPASS).is_some_and(|word| word.as_bytes().eq_ignore_ascii_case(b"true"))
}

/// Refuses a lock on a body without an integrity header.
///
/// # Errors
/// `InvalidRequest`.
pub fn require_integrity(lock: VersionLock, promise: &BodyPromise) -> Result<(), S3Error> {
    if lock == VersionLock::NONE || promise.md5.is_some() || promise.checksum.is_some() || promise.trailer_required {
        return Ok(());
    }
    let message =
        "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters";
    Err(S3Error::with(Code::InvalidRequest, message))
}

/// A retention that ends in the future.
///
/// # Errors
/// `InvalidArgument`.
pub fn future(retention: Retention, now: Timestamp) -> Result<Retention, S3Error> {
    if retention.until > now {
        Ok(retention)
    } else {
        let message = "The retain until date must be in the future!";
        Err(S3Error::argument(message, "RetainUntilDate", &retention.until.iso()))
    }
}

/// A legal hold in words.
#[must_use]
pub fn hold(word: &str) -> Option<bool> {
    match word {
        "ON" => Some(true),
        "OFF" => Some(false),
        _ => None,
    }
}

/// The word for a legal hold.
#[must_use]
pub fn hold_word(on: bool) -> &'static str {
    if on { "ON" } else { "OFF" }
}

/// A date in any of the ways ISO 8601 writes it.
#[must_use]
pub fn date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let date_time =
        OffsetDateTime::parse(text, &Rfc3339).or_else(|_| OffsetDateTime::parse(text, &Iso8601::DEFAULT)).ok()?;
    i64::try_from(date_time.unix_timestamp_nanos() / 1_000).ok().map(Timestamp)
}

/// When a retention ends, to the millisecond and never early: whoever waits until then finds the version free.
#[must_use]
pub fn end(until: Timestamp) -> String {
    let milliseconds = until.0.saturating_add(999).div_euclid(1_000);
    Timestamp(milliseconds.saturating_mul(1_000)).iso()
}

/// Shows what keeps a version.
pub fn write(lock: VersionLock, headers: &mut HeaderMap) {
    if let Some(Retention { mode, until }) = lock.retention {
        headers.insert(MODE, HeaderValue::from_static(mode.name()));
        if let Ok(date) = HeaderValue::from_str(&end(until)) {
            headers.insert(UNTIL, date);
        }
    }
    if let Some(on) = lock.legal_hold {
        headers.insert(HOLD, HeaderValue::from_static(hold_word(on)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    fn of(pairs: &[(&'static str, &'static str)]) -> Result<VersionLock, Code> {
        let pairs = pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)));
        read(&pairs.collect(), NOW).map_err(|error| error.code)
    }

    #[test]
    fn the_end_that_is_shown_is_never_early() {
        for (microseconds, shown) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_700_000_000_000_000, "2023-11-14T22:13:20.000Z"),
            (1_700_000_000_998_001, "2023-11-14T22:13:20.999Z"),
            (1_700_000_000_999_001, "2023-11-14T22:13:21.000Z"),
        ] {
            assert_eq!(end(Timestamp(microseconds)), shown);
            assert!(date(shown).is_some_and(|read| read.0 >= microseconds));
        }
    }

    #[test]
    fn a_lock_is_read_whole_or_not_at_all() {
        let (mode, until, hold) =
            ("x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold");
        let refused = Err(Code::InvalidArgument);
        let kept = Retention { mode: RetentionMode::Governance, until: Timestamp(1_893_456_000_000_000) };
        for date in
            ["2030-01-01T00:00:00Z", "2030-01-01T00:00:00.000Z", "2030-01-01T01:00:00+01:00", "20300101T000000Z"]
        {
            let lock = of(&[(mode, "GOVERNANCE"), (until, date)]);
            assert_eq!(lock, Ok(VersionLock { retention: Some(kept), legal_hold: None }), "{date}");
        }
        assert_eq!(of(&[(hold, "ON")]), Ok(VersionLock { retention: None, legal_hold: Some(true) }));
        assert_eq!(of(&[]), Ok(VersionLock::NONE));
        for pairs in [
            &[(mode, "GOVERNANCE")][..],
            &[(until, "2030-01-01T00:00:00Z")],
            &[(mode, "governance"), (until, "2030-01-01T00:00:00Z")],
            &[(mode, "COMPLIANCE"), (until, "2001-01-01T00:00:00Z")],
            &[(mode, "COMPLIANCE"), (until, "tomorrow")],
            &[(hold, "on")],
        ] {
            assert_eq!(of(pairs), refused, "{pairs:?}");
        }
    }

    #[test]
    fn what_is_shown_is_what_is_read() {
        let retention = Retention { mode: RetentionMode::Compliance, until: Timestamp(1_893_456_000_000_000) };
        let lock = VersionLock { retention: Some(retention), legal_hold: Some(false) };
        let mut shown = HeaderMap::new();
        write(lock, &mut shown);
        assert_eq!(read(&shown, NOW).unwrap(), lock);
    }
}
