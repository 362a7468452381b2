//! `PutObjectTagging`, `GetObjectTagging`, `DeleteObjectTagging`.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::{Bucket, ObjectAttributes, ObjectKey};
use crate::objects::{Amend, AmendedAttribute};
use crate::s3::body::Integrity;
use crate::s3::documents::tags;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::S3Error;
use crate::s3::headers::{object_tags, versions};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_object};

const DOCUMENT_BYTES_MAX: usize = 64 << 10;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let accepts = &["versionId"];
    vec![
        on_object("PutObjectTagging", Method::PUT, "s3:PutObjectTagging", put_tagging)
            .query("tagging")
            .version_permission("s3:PutObjectVersionTagging")
            .decided_by_handler()
            .accepts(accepts),
        on_object("GetObjectTagging", Method::GET, "s3:GetObjectTagging", get_tagging)
            .query("tagging")
            .version_permission("s3:GetObjectVersionTagging")
            .accepts(accepts),
        on_object("DeleteObjectTagging", Method::DELETE, "s3:DeleteObjectTagging", delete_tagging)
            .query("tagging")
            .version_permission("s3:DeleteObjectVersionTagging")
            .accepts(accepts),
    ]
}

async fn put_tagging(mut request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    let body = request.small_body(Integrity::Required, DOCUMENT_BYTES_MAX).await?;
    let tags = object_tags::of_document(&body)?;
    request.input.tags = Some(tags.clone());
    request.authorize(&bucket, Some(&key)).await?;
    let edit = TagEdit { about: AmendedAttribute::Tags, tags: tags.into_pairs(), status: StatusCode::OK };
    set_tags(&request, bucket, key, edit).await
}

async fn delete_tagging(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    let edit = TagEdit { about: AmendedAttribute::NoTags, tags: Vec::new(), status: StatusCode::NO_CONTENT };
    set_tags(&request, bucket, key, edit).await
}

/// The tags a version is to have, and what is answered when it has them.
struct TagEdit {
    about: AmendedAttribute,
    tags: Vec<(String, String)>,
    status: StatusCode,
}

async fn set_tags(
    request: &S3Request,
    bucket: Arc<Bucket>,
    key: ObjectKey,
    edit: TagEdit,
) -> Result<Response, S3Error> {
    let TagEdit { about, tags, status } = edit;
    let selector = request.selector()?;
    let edit = move |attributes: &mut ObjectAttributes| attributes.tags.clone_from(&tags);
    let origin = request.origin_for(&bucket);
    let name = request.state.objects.amend(Amend { bucket, key, selector, about, origin }, edit).await?;
    let mut response = empty(status);
    versions::show(name, response.headers_mut());
    Ok(response)
}

async fn get_tagging(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    let version = match request.version(&bucket, &key).await {
        Ok(version) => version,
        // Who may not list does not learn that there was something.
        Err(error) if request.may_list(&bucket, &key)? => return Err(versions::at_marker_of_key(error)),
        Err(error) => return Err(error),
    };
    let mut writer = XmlWriter::document("Tagging", 0);
    tags::write(&version.attributes.tags, &mut writer);
    let mut response = xml(writer.end("Tagging"));
    versions::show(versions::name_in(&bucket, &version), response.headers_mut());
    Ok(response)
}
