//! `PutBucketOwnershipControls`, `GetBucketOwnershipControls`, `DeleteBucketOwnershipControls`.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::{Bucket, Ownership};
use crate::policy::OwnershipControls;
use crate::s3::authz::authorize::Rules;
use crate::s3::body::Integrity;
use crate::s3::documents::xml::{Element, XmlWriter, only, optional, parse};
use crate::s3::error::{Code, S3Error};
use crate::s3::ops::settings::configuration::{self, Configuration};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty};
use crate::s3::route::{Row, on_bucket};

/// The largest document, in bytes.
const DOCUMENT_BYTES_MAX: usize = 4 << 10;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    const CHANGE: &str = "s3:PutBucketOwnershipControls";
    const READ: &str = "s3:GetBucketOwnershipControls";
    vec![
        on_bucket("PutBucketOwnershipControls", Method::PUT, CHANGE, put)
            .query(OwnershipControls::PARAMETER)
            .decided_by_handler(),
        on_bucket("GetBucketOwnershipControls", Method::GET, READ, get).query(OwnershipControls::PARAMETER),
        on_bucket("DeleteBucketOwnershipControls", Method::DELETE, CHANGE, delete).query(OwnershipControls::PARAMETER),
    ]
}

impl Configuration for OwnershipControls {
    const ROOT: &'static str = "OwnershipControls";
    const PARAMETER: &'static str = "ownershipControls";
    const MISSING: Code = Code::OwnershipControlsNotFoundError;

    fn read(root: &Element) -> Result<Self, S3Error> {
        only(root, &["Rule"])?;
        let [rule] = root.children.as_slice() else { return Err(Code::MalformedXML.into()) };
        only(rule, &["ObjectOwnership"])?;
        let word = optional(rule, "ObjectOwnership")?.ok_or(Code::MalformedXML)?;
        let rule = Ownership::parse(word.trim()).ok_or(Code::MalformedXML)?;
        Ok(Self { rule: Some(rule) })
    }

    fn write(&self, writer: &mut XmlWriter) {
        if let Some(rule) = self.rule {
            writer.open("Rule").plain("ObjectOwnership", rule.name()).close("Rule");
        }
    }
}

async fn put(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let body = request.small_body(Integrity::Optional, DOCUMENT_BYTES_MAX).await?;
    let root = parse(&body, OwnershipControls::ROOT).map_err(|_| S3Error::from(Code::MalformedXML))?;
    let controls = OwnershipControls::read(&root)?;
    request.input.ownership = controls.rule;
    request.authorize(&bucket, None).await?;
    if !controls.effective().has_lists() {
        let owner = request.state.owner_of(&bucket, &request.identity).await?;
        let list = Rules::of(&request, &bucket)?.list;
        if list.is_some_and(|list| list.0.reaches_beyond(&owner.id.0)) {
            return Err(Code::InvalidBucketAclWithObjectOwnership.into());
        }
    }
    keep(&request, &bucket, controls, StatusCode::OK).await
}

async fn get(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let default = request.state.settings.s3.default_ownership;
    let rule = match bucket.settings.get::<OwnershipControls>()? {
        Some(controls) => controls.rule,
        // Amazon's buckets have had this rule from the start since lists are off by default.
        None => (!default.has_lists()).then_some(default),
    };
    if rule.is_none() {
        return Err(S3Error::new(OwnershipControls::MISSING).field("BucketName", bucket.name.as_str()));
    }
    Ok(configuration::shown(&OwnershipControls { rule }))
}

async fn delete(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    keep(&request, &bucket, OwnershipControls { rule: None }, StatusCode::NO_CONTENT).await
}

async fn keep(
    request: &S3Request,
    bucket: &Bucket,
    controls: OwnershipControls,
    status: StatusCode,
) -> Result<Response, S3Error> {
    if request.state.metadata.set_setting(bucket, &controls).await? {
        return Ok(empty(status));
    }
    Err(S3Error::new(Code::NoSuchBucket).field("BucketName", bucket.name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rule_of_three() {
        let read = |inside: &str| {
            let text = format!("<OwnershipControls>{inside}</OwnershipControls>");
            OwnershipControls::read(&parse(text.as_bytes(), OwnershipControls::ROOT).unwrap())
        };
        for rule in [Ownership::BucketOwnerEnforced, Ownership::BucketOwnerPreferred, Ownership::ObjectWriter] {
            let controls = OwnershipControls { rule: Some(rule) };
            let mut writer = XmlWriter::fragment();
            controls.write(&mut writer);
            assert_eq!(read(&writer.finish()).unwrap(), controls);
        }
        for bad in ["", "<Rule/>", "<Rule><ObjectOwnership>Mine</ObjectOwnership></Rule>", "<Rules/>"] {
            assert_eq!(read(bad).unwrap_err().code, Code::MalformedXML, "{bad}");
        }
    }
}
