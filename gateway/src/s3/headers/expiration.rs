//! Response headers about lifecycle rules. They follow the calendar, whatever length a day has for the worker.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::domain::{Bucket, ObjectKey, Timestamp};
use crate::lifecycle::{Calendar, Configuration, LifecycleObject};
use crate::s3::documents::encoding::url;
use crate::s3::error::S3Error;
use crate::s3::headers::conditions::http_date;

const EXPIRATION: HeaderName = HeaderName::from_static("x-amz-expiration");
const ABORT_DATE: HeaderName = HeaderName::from_static("x-amz-abort-date");
const ABORT_RULE: HeaderName = HeaderName::from_static("x-amz-abort-rule-id");

/// Adds `x-amz-expiration`, if a rule applies.
///
/// # Errors
/// When the rules in the database cannot be read.
pub fn announce(
    bucket: &Bucket,
    object: &LifecycleObject<'_>,
    modified_at: Timestamp,
    headers: &mut HeaderMap,
) -> Result<(), S3Error> {
    let Some(rules) = bucket.settings.get::<Configuration>()? else { return Ok(()) };
    if let Some((at, rule)) = rules.expiry(object, modified_at, Calendar::default()) {
        let text = format!("expiry-date=\"{}\", rule-id=\"{}\"", http_date(at), url(rule));
        headers.extend(HeaderValue::from_str(&text).ok().map(|value| (EXPIRATION, value)));
    }
    Ok(())
}

/// Adds `x-amz-abort-date`, if a rule applies.
///
/// # Errors
/// When the rules in the database cannot be read.
pub fn announce_abort(
    bucket: &Bucket,
    key: &ObjectKey,
    begun_at: Timestamp,
    headers: &mut HeaderMap,
) -> Result<(), S3Error> {
    let Some(rules) = bucket.settings.get::<Configuration>()? else { return Ok(()) };
    if let Some((at, rule)) = rules.abort(key.as_bytes(), begun_at, Calendar::default()) {
        headers.extend(HeaderValue::from_str(&http_date(at)).ok().map(|value| (ABORT_DATE, value)));
        headers.extend(HeaderValue::from_str(&url(rule)).ok().map(|value| (ABORT_RULE, value)));
    }
    Ok(())
}
