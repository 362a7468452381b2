//! `PutObjectLockConfiguration` and `GetObjectLockConfiguration`.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::{Bucket, DefaultRetention, ObjectLock, RetentionMode, RetentionPeriod};
use crate::metadata::SetState;
use crate::s3::body::Integrity;
use crate::s3::documents::xml::{Element, XmlWriter, only, optional, parse};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket};

const ROOT: &str = "ObjectLockConfiguration";
const DOCUMENT_BYTES_MAX: usize = 4 << 10;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_bucket("PutObjectLockConfiguration", Method::PUT, "s3:PutBucketObjectLockConfiguration", put_lock)
            .query("object-lock")
            .decided_by_handler(),
        on_bucket("GetObjectLockConfiguration", Method::GET, "s3:GetBucketObjectLockConfiguration", get_lock)
            .query("object-lock"),
    ]
}

async fn put_lock(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let body = request.small_body(Integrity::Required, DOCUMENT_BYTES_MAX).await?;
    if body.is_empty() {
        return Err(Code::MissingRequestBodyError.into());
    }
    let lock = read(&body)?;
    request.input.default_retention = lock.default;
    request.authorize(&bucket, None).await?;
    match request.state.metadata.set_object_lock(&bucket, lock).await? {
        SetState::Done => Ok(empty(StatusCode::OK)),
        SetState::NoSuchBucket => Err(S3Error::new(Code::NoSuchBucket).field("BucketName", bucket.name.as_str())),
        SetState::InvalidState => {
            let message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
            Err(S3Error::with(Code::InvalidBucketState, message))
        }
    }
}

fn read(body: &[u8]) -> Result<ObjectLock, S3Error> {
    let malformed = || S3Error::from(Code::MalformedXML);
    let root = parse(body, ROOT).map_err(|_| malformed())?;
    only(&root, &["ObjectLockEnabled", "Rule"])?;
    if optional(&root, "ObjectLockEnabled")?.as_deref() != Some("Enabled") {
        return Err(malformed());
    }
    let Some(rule) = root.child("Rule") else { return Ok(ObjectLock { default: None }) };
    only(rule, &["DefaultRetention"])?;
    let default = rule.child("DefaultRetention").ok_or_else(malformed)?;
    only(default, &["Mode", "Days", "Years"])?;
    let mode = optional(default, "Mode")?.as_deref().and_then(RetentionMode::named).ok_or_else(malformed)?;
    let period = match (number(default, "Days")?, number(default, "Years")?) {
        (Some(days), None) => RetentionPeriod::Days(within(days, RetentionPeriod::DAYS_MAX)?),
        (None, Some(years)) => RetentionPeriod::Years(within(years, RetentionPeriod::YEARS_MAX)?),
        _ => return Err(malformed()),
    };
    Ok(ObjectLock { default: Some(DefaultRetention { mode, period }) })
}

fn number(element: &Element, name: &str) -> Result<Option<i64>, S3Error> {
    let text = optional(element, name)?;
    text.map(|text| text.trim().parse().map_err(|_| Code::MalformedXML.into())).transpose()
}

fn within(number: i64, most: u32) -> Result<u32, S3Error> {
    let message = "Default retention period must be a positive integer value";
    let refused = |message| S3Error::with(Code::InvalidRetentionPeriod, message);
    let number = u32::try_from(number).ok().filter(|number| *number > 0).ok_or_else(|| refused(message))?;
    if number > most {
        return Err(refused("Default retention period too large"));
    }
    Ok(number)
}

async fn get_lock(_call: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let missing = || S3Error::new(Code::ObjectLockConfigurationNotFoundError).field("BucketName", bucket.name.as_str());
    let lock = bucket.lock.ok_or_else(missing)?;
    let mut writer = XmlWriter::document(ROOT, 0);
    writer.plain("ObjectLockEnabled", "Enabled");
    if let Some(DefaultRetention { mode, period }) = lock.default {
        writer.open("Rule").open("DefaultRetention").plain("Mode", mode.name());
        match period {
            RetentionPeriod::Days(days) => writer.plain("Days", days),
            RetentionPeriod::Years(years) => writer.plain("Years", years),
        };
        writer.close("DefaultRetention").close("Rule");
    }
    Ok(xml(writer.end(ROOT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_has_one_mode_and_one_period() {
        let of = |inside: &str| {
            let text = format!("<{ROOT}><ObjectLockEnabled>Enabled</ObjectLockEnabled>{inside}</{ROOT}>");
            read(text.as_bytes()).map(|lock| lock.default.map(|d| (d.mode, d.period))).map_err(|error| error.code)
        };
        let rule = |inside: &str| of(&format!("<Rule><DefaultRetention>{inside}</DefaultRetention></Rule>"));
        let governance = "<Mode>GOVERNANCE</Mode>";
        assert_eq!(of(""), Ok(None));
        let expected = (RetentionMode::Governance, RetentionPeriod::Days(1));
        assert_eq!(rule(&format!("{governance}<Days>1</Days>")), Ok(Some(expected)));
        let expected = (RetentionMode::Compliance, RetentionPeriod::Years(100));
        assert_eq!(rule("<Mode>COMPLIANCE</Mode><Years>100</Years>"), Ok(Some(expected)));
        for (inside, code) in [
            ("<Days>1</Days><Years>1</Years>", Code::MalformedXML),
            ("", Code::MalformedXML),
            ("<Days>x</Days>", Code::MalformedXML),
            ("<Days>0</Days>", Code::InvalidRetentionPeriod),
            ("<Years>-1</Years>", Code::InvalidRetentionPeriod),
            ("<Days>36501</Days>", Code::InvalidRetentionPeriod),
            ("<Weeks>1</Weeks>", Code::MalformedXML),
        ] {
            assert_eq!(rule(&format!("{governance}{inside}")), Err(code), "{inside}");
        }
        assert_eq!(rule("<Mode>governance</Mode><Days>1</Days>"), Err(Code::MalformedXML));
        assert!(read(b"<ObjectLockConfiguration/>").is_err());
    }
}
