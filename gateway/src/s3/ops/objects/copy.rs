//! `CopyObject`, and what `UploadPartCopy` shares with it: finding the source and being allowed to read it.

use std::sync::Arc;

use http::{HeaderMap, Method};

use crate::domain::{Bucket, DefaultEncryption, ObjectAttributes, ObjectKey, Version, VersionName};
use crate::objects::{Copy, ObjectsError, Opener, Stored};
use crate::policy::Permission;
use crate::s3::documents::encoding::xml_time;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::conditions::{self, ConditionOutcome};
use crate::s3::headers::write_attributes::{self, WriteAttributes};
use crate::s3::headers::{checksums, encryption_keys, sse, versions, write_offset};
use crate::s3::pipeline::funding::Fees;
use crate::s3::pipeline::operation_input::{Directive, Input};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Document, Response, when_ready};
use crate::s3::route::{Need, Row, on_object};

const TAG_READING: Permission = Permission("s3:GetObjectTagging");
const TAG_WRITING: Permission = Permission("s3:PutObjectTagging");

/// How often a copy is tried whose source is replaced or moved to other blobs while it is copied.
pub const ATTEMPTS: usize = 5;

/// The header that makes a write a copy.
pub const COPY_SOURCE: &str = "x-amz-copy-source";

/// What a copy takes. The directives come first: they say what of the rest counts.
const TAKES: &[Input] = &[
    Input::Directives,
    Input::CopySource,
    Input::Creation,
    Input::Attributes,
    Input::Tags,
    Input::Acl,
    Input::Lock,
    Input::Encryption,
    Input::Condition,
];

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_object("CopyObject", Method::PUT, "s3:PutObject", copy_object)
            .need(Need::Header(COPY_SOURCE))
            .never_anonymous("copy objects")
            .takes(TAKES),
    ]
}

/// A version that may be copied.
pub struct Source {
    /// The bucket it is in.
    pub bucket: Arc<Bucket>,
    /// The version.
    pub version: Arc<Version>,
    /// What the request calls it, when it does: it may then be another than the current one.
    pub named: Option<String>,
}

/// The version the request names as its source, if the caller may read it and the conditions on it hold.
///
/// # Errors
/// What a GET of it would say; `PreconditionFailed` for its conditions.
pub async fn find_source(request: &S3Request) -> Result<Source, S3Error> {
    let source = request.input.copy_source.clone().ok_or_else(|| S3Error::internal("a copy without a source"))?;
    let bucket = request.state.bucket(&source.bucket).await?;
    let named = source.version.as_deref();
    let permission = if named.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
    request.require_version(Permission(permission), &bucket, Some(&source.key), named).await?;
    if let Some(expected) = request.header("x-amz-source-expected-bucket-owner") {
        request.state.expect_owner(expected, &bucket, &request.identity).await?;
    }
    let version = match request.version_at(&bucket, &source.key, versions::selector(named)?).await {
        Ok(version) => version,
        Err(error) if matches!(error.code, Code::NoSuchKey | Code::NoSuchVersion) => {
            return Err(request.not_found_or_denied(&bucket, &source.key, error)?);
        }
        Err(error) if error.code == Code::MethodNotAllowed => {
            let message = "The source of a copy request may not specifically refer to a delete marker by version id.";
            return Err(S3Error::with(Code::InvalidRequest, message));
        }
        Err(error) => return Err(error),
    };
    request.confirm(Permission(permission), &bucket, &version, named)?;
    let (headers, now) = (&request.head.headers, request.state.now());
    match conditions::evaluate(headers, &conditions::COPY_SOURCE, version.etag, version.modified_at, now) {
        ConditionOutcome::Proceed => Ok(Source { bucket, version, named: source.version }),
        ConditionOutcome::NotModified(header) | ConditionOutcome::Failed(header) => Err(conditions::failed(header)),
    }
}

async fn copy_object(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    write_offset::refuse(&request.head.headers)?;
    let (request_info, keep_alive_after) = (request.info(), request.state.settings.keep_alive_after);
    let work = async move {
        let mut attempts = 1..ATTEMPTS;
        loop {
            let source = find_source(&request).await?;
            let source_name = versions::name_in(&source.bucket, &source.version);
            let copy = plan_copy(&request, &bucket, &key, source).await?;
            match request.state.objects.copy(copy).await {
                Err(ObjectsError::SourceGone) if attempts.next().is_some() => {}
                stored => {
                    let stored = stored?;
                    let mut document = copied(&stored, source_name, &request.head.headers);
                    request.state.funding.announce(stored.size, Fees::Written, &mut document.headers);
                    return Ok(document);
                }
            }
        }
    };
    when_ready(work, keep_alive_after, request_info).await
}

/// What is to be copied how, if the caller may.
async fn plan_copy(
    request: &S3Request,
    bucket: &Arc<Bucket>,
    key: &ObjectKey,
    source: Source,
) -> Result<Copy, S3Error> {
    let replace = request.input.metadata_directive == Some(Directive::Replace);
    let retag = request.input.tagging_directive == Some(Directive::Replace);
    let algorithm = checksums::algorithm_of(&request.head.headers)?;
    let onto_itself = source.bucket.id == bucket.id && source.version.key == *key;
    // A rule of encryption is a reason to write an object once more, as recorded of Amazon.
    let has_rule = bucket.settings.get::<DefaultEncryption>()?.is_some();
    if onto_itself && !replace && source.named.is_none() && !has_rule && !changes_something(&request.head.headers) {
        let message = "This copy request is illegal because it is trying to copy an object to itself without changing \
                       the object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(S3Error::with(Code::InvalidRequest, message));
    }
    let WriteAttributes { attributes: given, lock } = write_attributes::read(request, bucket, key).await?;
    if !retag && !source.version.attributes.tags.is_empty() {
        request
            .require_version(TAG_READING, &source.bucket, Some(&source.version.key), source.named.as_deref())
            .await?;
        // The copy was decided about before its source was known, as one without tags.
        for permission in [request.permission, TAG_WRITING] {
            request.require_copied_tags(permission, bucket, key, &source.version.attributes.tags).await?;
        }
    }
    let attributes = attributes_of_copy(given, &source.version, replace, retag);
    Ok(Copy {
        source: source.version,
        source_bucket: Arc::clone(&source.bucket),
        bucket: Arc::clone(bucket),
        key: key.clone(),
        attributes,
        lock,
        condition: request.input.condition.clone(),
        algorithm,
        opener: Opener {
            account: source.bucket.owner,
            customer: encryption_keys::source_key(request)?,
            peer: request.peer(),
        },
        key_choice: encryption_keys::choice(request, bucket)?,
        origin: request.origin_for(bucket),
    })
}

/// What the copy carries: what the request says, or what the source has, except where the website redirects to.
/// The tags and the rest have each their own directive; who copies owns the copy.
fn attributes_of_copy(given: ObjectAttributes, source: &Version, replace: bool, retag: bool) -> ObjectAttributes {
    let tags = if retag { given.tags.clone() } else { source.attributes.tags.clone() };
    if replace {
        return ObjectAttributes { tags, ..given };
    }
    let ObjectAttributes { website_redirect, owner, acl, storage_class, .. } = given;
    ObjectAttributes { website_redirect, owner, acl, storage_class, tags, ..source.attributes.clone() }
}

/// Whether a copy onto itself asks for something that the object does not have. What a key of the client enciphers gets another
/// encryption by default: the bucket's.
fn changes_something(headers: &HeaderMap) -> bool {
    let encryption = ["x-amz-server-side-encryption", "x-amz-copy-source-server-side-encryption-customer"];
    ["x-amz-storage-class", "x-amz-website-redirect-location"].iter().any(|name| headers.contains_key(*name))
        || headers.keys().any(|name| encryption.iter().any(|start| name.as_str().starts_with(start)))
}

fn copied(stored: &Stored, source: Option<VersionName>, request_headers: &HeaderMap) -> Document {
    let mut writer = XmlWriter::document("CopyObjectResult", 0);
    writer.plain("LastModified", xml_time(stored.modified_at)).etag(stored.etag);
    checksums::write_elements(stored.checksum.as_ref(), stored.etag.parts, &mut writer);
    let mut headers = HeaderMap::new();
    sse::show(stored.encryption.as_ref(), request_headers, &mut headers);
    // Unlike a PUT, a copy names the null version too.
    versions::show(stored.name, &mut headers);
    versions::show_source(source, &mut headers);
    Document { xml: writer.end("CopyObjectResult"), headers }
}
