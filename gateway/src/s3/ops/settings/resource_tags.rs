//! S3 Control's view of the tags of a bucket: `ListTagsForResource`, `TagResource`, `UntagResource`. Terraform and others read and
//! write tags by these where Amazon's own API would; they are the tags of `PutBucketTagging`.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::{Bucket, TagError, TagSet};
use crate::metadata::EditSetting;
use crate::s3::body::Integrity;
use crate::s3::documents::tags;
use crate::s3::documents::xml::{XmlWriter, only, parse};
use crate::s3::error::{Code, S3Error};
use crate::s3::ops::settings::tagging::BucketTags;
use crate::s3::pipeline::operation_input::TagChange;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_resource};

/// The namespace of S3 Control's documents.
const NAMESPACE: &str = "http://awss3control.amazonaws.com/doc/2018-08-20/";
/// The largest document, in bytes.
const DOCUMENT_BYTES_MAX: usize = 64 << 10;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_resource("ListTagsForResource", Method::GET, "s3:ListTagsForResource", list),
        on_resource("TagResource", Method::POST, "s3:TagResource", tag).decided_by_handler(),
        on_resource("UntagResource", Method::DELETE, "s3:UntagResource", untag).decided_by_handler(),
    ]
}

async fn list(_request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let tags = bucket.settings.get::<BucketTags>()?;
    let mut writer = XmlWriter::declared(512);
    writer.raw(&format!("<ListTagsForResourceResult xmlns=\"{NAMESPACE}\">"));
    tags::write_list("Tags", tags.as_ref().map(|tags| tags.0.as_slice()).unwrap_or_default(), &mut writer);
    Ok(xml(writer.end("ListTagsForResourceResult")))
}

async fn tag(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let body = request.small_body(Integrity::Optional, DOCUMENT_BYTES_MAX).await?;
    let root = parse(&body, "TagResourceRequest").map_err(|_| S3Error::from(Code::MalformedXML))?;
    only(&root, &["Tags"])?;
    let set = root.child("Tags").ok_or(Code::MalformedXML)?;
    let new = tags::read_list(set, TagSet::BUCKET_MAX)?.into_pairs();
    request.input.tag_changes = new.iter().map(|(key, value)| TagChange::set(key, value)).collect();
    request.authorize(&bucket, None).await?;
    edit(&request, &bucket, move |tags| {
        for (key, value) in &new {
            match tags.iter_mut().find(|(known, _)| known == key) {
                Some((_, known)) => known.clone_from(value),
                None => tags.push((key.clone(), value.clone())),
            }
        }
    })
    .await
}

async fn untag(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let named = request.query().iter().filter(|(name, _)| *name == "tagKeys");
    let keys: Vec<String> = named.map(|(_, key)| key.to_owned()).collect();
    request.input.tag_changes = keys.iter().map(|key| TagChange::removed(key)).collect();
    request.authorize(&bucket, None).await?;
    edit(&request, &bucket, move |tags| tags.retain(|(key, _)| !keys.contains(key))).await
}

/// Changes the tags that there are, if what comes of it are tags.
async fn edit(
    request: &S3Request,
    bucket: &Bucket,
    change: impl Fn(&mut Vec<(String, String)>) + Send + Sync + 'static,
) -> Result<Response, S3Error> {
    let edit = move |tags: Option<BucketTags>| -> Result<Option<BucketTags>, TagError> {
        let mut tags = tags.unwrap_or_default().0;
        change(&mut tags);
        let tags = TagSet::new(tags, TagSet::BUCKET_MAX)?;
        Ok((!tags.pairs().is_empty()).then(|| BucketTags::from(tags)))
    };
    match request.state.metadata.edit_setting(bucket, edit).await? {
        EditSetting::Edited => Ok(empty(StatusCode::NO_CONTENT)),
        EditSetting::Refused(error) => Err(tags::refused(error, TagSet::BUCKET_MAX)),
        EditSetting::NoSuchBucket => Err(Code::NoSuchResource.into()),
    }
}
