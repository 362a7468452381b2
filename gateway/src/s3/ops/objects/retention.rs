//! `PutObjectRetention`, `GetObjectRetention`, `PutObjectLegalHold`, `GetObjectLegalHold`.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::{Bucket, ObjectKey, Retention, RetentionMode, Timestamp};
use crate::metadata::Amendment;
use crate::policy::Permission;
use crate::s3::body::Integrity;
use crate::s3::documents::xml::{XmlWriter, only, optional, parse};
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::{object_lock, versions};
use crate::s3::pipeline::operation_input::Input;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_object};

const DOCUMENT_BYTES_MAX: usize = 4 << 10;
/// The permission to bypass governance retention.
pub const BYPASS_PERMISSION: Permission = Permission("s3:BypassGovernanceRetention");

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let accepts = &["versionId"];
    vec![
        on_object("PutObjectRetention", Method::PUT, "s3:PutObjectRetention", put_retention)
            .query("retention")
            .takes(&[Input::Bypass])
            .decided_by_handler()
            .accepts(accepts),
        on_object("GetObjectRetention", Method::GET, "s3:GetObjectRetention", get_retention)
            .query("retention")
            .accepts(accepts),
        on_object("PutObjectLegalHold", Method::PUT, "s3:PutObjectLegalHold", put_hold)
            .query("legal-hold")
            .decided_by_handler()
            .accepts(accepts),
        on_object("GetObjectLegalHold", Method::GET, "s3:GetObjectLegalHold", get_hold)
            .query("legal-hold")
            .accepts(accepts),
    ]
}

/// Whether the caller requests to bypass governance, and is permitted.
///
/// # Errors
/// `AccessDenied` to those who ask and may not.
pub async fn bypass(request: &S3Request, bucket: &Bucket, key: &ObjectKey) -> Result<bool, S3Error> {
    let requested = request.input.bypass_governance;
    if requested {
        request.require(BYPASS_PERMISSION, bucket, Some(key)).await?;
    }
    Ok(requested)
}

async fn put_retention(mut request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    let body = request.small_body(Integrity::Required, DOCUMENT_BYTES_MAX).await?;
    let retention = read_retention(&body, request.state.now())?;
    request.input.lock.retention = retention;
    request.authorize(&bucket, Some(&key)).await?;
    let selector = request.selector()?;
    with_lock(&bucket)?;
    let bypass = bypass(&request, &bucket, &key).await?;
    let amendment = Amendment::Retention { retention, bypass };
    let name = request.state.objects.amend_with(&bucket, key, selector, amendment).await?;
    let mut response = empty(StatusCode::OK);
    versions::show(name, response.headers_mut());
    Ok(response)
}

/// A retention, or none to take it away.
fn read_retention(body: &[u8], now: Timestamp) -> Result<Option<Retention>, S3Error> {
    let malformed = || S3Error::from(Code::MalformedXML);
    let root = parse(body, "Retention").map_err(|_| malformed())?;
    only(&root, &["Mode", "RetainUntilDate"])?;
    match (optional(&root, "Mode")?, optional(&root, "RetainUntilDate")?) {
        (None, None) => Ok(None),
        (Some(mode), Some(until)) => {
            let mode = RetentionMode::named(&mode).ok_or_else(malformed)?;
            let until = object_lock::date(&until).ok_or_else(malformed)?;
            object_lock::future(Retention { mode, until }, now).map(Some)
        }
        _ => Err(malformed()),
    }
}

async fn get_retention(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    with_lock(&bucket)?;
    let version = request.version(&bucket, &key).await?;
    let Retention { mode, until } = version.lock.retention.ok_or(Code::NoSuchObjectLockConfiguration)?;
    let mut writer = XmlWriter::document("Retention", 0);
    writer.plain("Mode", mode.name()).plain("RetainUntilDate", object_lock::end(until));
    Ok(xml(writer.end("Retention")))
}

async fn put_hold(mut request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    let body = request.small_body(Integrity::Required, DOCUMENT_BYTES_MAX).await?;
    let on = read_hold(&body)?;
    request.input.lock.legal_hold = Some(on);
    request.authorize(&bucket, Some(&key)).await?;
    let selector = request.selector()?;
    with_lock(&bucket)?;
    let name = request.state.objects.amend_with(&bucket, key, selector, Amendment::LegalHold(on)).await?;
    let mut response = empty(StatusCode::OK);
    versions::show(name, response.headers_mut());
    Ok(response)
}

fn read_hold(body: &[u8]) -> Result<bool, S3Error> {
    let root = parse(body, "LegalHold").map_err(|_| S3Error::from(Code::MalformedXML))?;
    only(&root, &["Status"])?;
    let status = optional(&root, "Status")?;
    status.as_deref().and_then(object_lock::hold).ok_or_else(|| Code::MalformedXML.into())
}

async fn get_hold(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    with_lock(&bucket)?;
    let version = request.version(&bucket, &key).await?;
    let on = version.lock.legal_hold.ok_or(Code::NoSuchObjectLockConfiguration)?;
    let mut writer = XmlWriter::document("LegalHold", 0);
    writer.plain("Status", object_lock::hold_word(on));
    Ok(xml(writer.end("LegalHold")))
}

/// Locks are nothing a bucket without object lock can be asked about.
fn with_lock(bucket: &Bucket) -> Result<(), S3Error> {
    if bucket.lock.is_some() {
        return Ok(());
    }
    Err(S3Error::with(Code::InvalidRequest, "Bucket is missing Object Lock Configuration"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_say_all_or_nothing() {
        let of = |inside: &str| {
            let text = format!("<Retention>{inside}</Retention>");
            read_retention(text.as_bytes(), Timestamp(0)).map_err(|error| error.code)
        };
        let (mode, until) = ("<Mode>GOVERNANCE</Mode>", "<RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate>");
        assert_eq!(of(""), Ok(None));
        let kept = Retention { mode: RetentionMode::Governance, until: Timestamp(1_893_456_000_000_000) };
        assert_eq!(of(&format!("{mode}{until}")), Ok(Some(kept)));
        assert_eq!(of(mode), Err(Code::MalformedXML));
        assert_eq!(of(until), Err(Code::MalformedXML));
        assert_eq!(of(&format!("<Mode>governance</Mode>{until}")), Err(Code::MalformedXML));
        let past = "<RetainUntilDate>1960-01-01T00:00:00Z</RetainUntilDate>";
        assert_eq!(of(&format!("{mode}{past}")), Err(Code::InvalidArgument));
        assert_eq!(read_hold(b"<LegalHold><Status>ON</Status></LegalHold>").ok(), Some(true));
        assert!(read_hold(b"<LegalHold><Status>abc</Status></LegalHold>").is_err());
    }
}
