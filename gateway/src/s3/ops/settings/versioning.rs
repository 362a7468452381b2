//! `PutBucketVersioning` and `GetBucketVersioning`.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::Bucket;
use crate::metadata::SetState;
use crate::s3::body::Integrity;
use crate::s3::documents::xml::{XmlWriter, only, parse};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket};

const ROOT: &str = "VersioningConfiguration";
const DOCUMENT_BYTES_MAX: usize = 4 << 10;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_bucket("PutBucketVersioning", Method::PUT, "s3:PutBucketVersioning", put_versioning).query("versioning"),
        on_bucket("GetBucketVersioning", Method::GET, "s3:GetBucketVersioning", get_versioning).query("versioning"),
    ]
}

async fn put_versioning(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let body = request.small_body(Integrity::Optional, DOCUMENT_BYTES_MAX).await?;
    let enabled = read(&body)?;
    if request.header("x-amz-mfa").is_some() {
        return Err(Code::NotImplemented.into());
    }
    match request.state.metadata.set_versioning(&bucket, enabled).await? {
        SetState::Done => Ok(empty(StatusCode::OK)),
        SetState::NoSuchBucket => Err(S3Error::new(Code::NoSuchBucket).field("BucketName", bucket.name.as_str())),
        SetState::InvalidState => {
            let message =
                "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.";
            Err(S3Error::with(Code::InvalidBucketState, message))
        }
    }
}

/// Whether versioning is to be enabled or suspended. There are no devices for MFA, so that nothing can depend on them.
fn read(body: &[u8]) -> Result<bool, S3Error> {
    let root = parse(body, ROOT).map_err(|_| S3Error::from(Code::MalformedXML))?;
    only(&root, &["Status", "MfaDelete"])?;
    match root.text_of("MfaDelete") {
        None | Some("Disabled") => {}
        Some("Enabled") => return Err(Code::NotImplemented.into()),
        Some(_) => return Err(Code::MalformedXML.into()),
    }
    match root.text_of("Status") {
        Some("Enabled") => Ok(true),
        Some("Suspended") => Ok(false),
        Some(_) => Err(Code::MalformedXML.into()),
        None => {
            let message = "The Versioning element must be specified";
            Err(S3Error::with(Code::IllegalVersioningConfigurationException, message))
        }
    }
}

async fn get_versioning(_call: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let mut writer = XmlWriter::document(ROOT, 0);
    writer.maybe("Status", bucket.versioning.word());
    Ok(xml(writer.end(ROOT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_named_exactly() {
        let of = |inside: &str| read(format!("<{ROOT}>{inside}</{ROOT}>").as_bytes()).map_err(|error| error.code);
        assert_eq!(of("<Status>Enabled</Status>"), Ok(true));
        assert_eq!(of("<MfaDelete>Disabled</MfaDelete><Status>Suspended</Status>"), Ok(false));
        assert_eq!(of("<Status>enabled</Status>"), Err(Code::MalformedXML));
        assert_eq!(of("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"), Err(Code::NotImplemented));
        assert_eq!(of("<State>Enabled</State>"), Err(Code::MalformedXML));
        assert_eq!(of(""), Err(Code::IllegalVersioningConfigurationException));
    }
}
