//! `CreateBucket`, `DeleteBucket`, `HeadBucket`.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::domain::{AccessList, Bucket, BucketName, TagSet, Versioning, bucket_arn};
use crate::metadata::{CreateBucket, DeleteBucket, NewBucket};
use crate::policy::{OwnershipControls, Permission};
use crate::s3::authz::access::BUCKET_REGION;
use crate::s3::authz::acl::RequestedAcl;
use crate::s3::authz::authorize::BucketList;
use crate::s3::body::Integrity;
use crate::s3::documents::{tags, xml};
use crate::s3::error::{Code, S3Error};
use crate::s3::ops::settings::tagging::BucketTags;
use crate::s3::pipeline::operation_input::{Input, TagChange};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty};
use crate::s3::route::{Row, on_bucket, on_new_bucket};

use crate::s3::ops::buckets::location;

/// The largest configuration a bucket may be created with.
const CONFIGURATION_BYTES_MAX: usize = 64 << 10;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_new_bucket("CreateBucket", Method::PUT, "s3:CreateBucket", create_bucket)
            .takes(&[Input::Acl, Input::Ownership]),
        on_bucket("DeleteBucket", Method::DELETE, "s3:DeleteBucket", delete_bucket),
        on_bucket("HeadBucket", Method::HEAD, "s3:ListBucket", head_bucket).takes(&[Input::Listing]),
    ]
}

async fn create_bucket(mut request: S3Request, name: BucketName) -> Result<Response, S3Error> {
    let body = request.small_body(Integrity::Optional, CONFIGURATION_BYTES_MAX).await?;
    let Requested { location: requested_location, tags } = requested(&body)?;
    request.input.location.clone_from(&requested_location);
    request.input.tag_changes = tags.pairs().iter().map(|(key, value)| TagChange::set(key, value)).collect();
    request.require_service(request.permission, Some(name.as_str()))?;
    let location = location::accept(requested_location.as_deref(), &request.state.settings.s3.region)?;
    let mut new = NewBucket::new(request.user()?.id, name.clone(), &location);
    let tagged = !tags.pairs().is_empty();
    if tagged {
        request.require_service(Permission("s3:TagResource"), Some(name.as_str()))?;
        new.configure(&BucketTags::from(tags))?;
    }
    let list = configure_access(&request, &mut new).await?;
    let mut is_guarded = list.is_some() || request.input.ownership.is_some();
    if request.header("x-amz-bucket-object-lock-enabled").is_some_and(|word| word.eq_ignore_ascii_case("true")) {
        request.require_service(Permission("s3:PutBucketObjectLockConfiguration"), Some(name.as_str()))?;
        new = new.with_object_lock();
        is_guarded = true;
    }
    let made = request.state.metadata.create_bucket(new).await?;
    if is_guarded && !matches!(made, CreateBucket::Taken) {
        request.state.objects.await_journal().await?;
    }
    match made {
        CreateBucket::Created(_) => Ok(created(&name)),
        // What scripts written against us-east-1 count on: making one's own bucket again is fine there. Not with tags, also with
        // those that it has.
        CreateBucket::OwnedByYou(bucket) if request.state.settings.s3.region == location::CLASSIC && !tagged => {
            // Another access list would not be set: that must not look like success.
            if list_of(&bucket)? == list {
                return Ok(created(&name));
            }
            Err(S3Error::new(Code::BucketAlreadyExists).field("BucketName", name.as_str()))
        }
        CreateBucket::OwnedByYou(_) => {
            Err(S3Error::new(Code::BucketAlreadyOwnedByYou).field("BucketName", name.as_str()))
        }
        CreateBucket::Taken => Err(S3Error::new(Code::BucketAlreadyExists).field("BucketName", name.as_str())),
    }
}

/// The access list of a bucket that grants anybody else anything.
fn list_of(bucket: &Bucket) -> Result<Option<AccessList>, S3Error> {
    Ok(bucket.settings.get::<BucketList>()?.map(|list| list.0.clone()))
}

/// What the headers say about who owns the objects of the bucket, and who else may do something with it. Answers the access
/// list, unless it is that of what is private.
async fn configure_access(request: &S3Request, new: &mut NewBucket) -> Result<Option<AccessList>, S3Error> {
    let name = new.name.as_str().to_owned();
    let ownership = request.input.ownership;
    if let Some(rule) = ownership {
        request.require_service(Permission("s3:PutBucketOwnershipControls"), Some(&name))?;
        new.configure(&OwnershipControls { rule: Some(rule) })?;
    }
    let owner = request.user()?.canonical_id.0.as_str();
    let list = match request.input.acl.clone() {
        RequestedAcl::Nothing => return Ok(None),
        RequestedAcl::Canned(canned) => canned.list(owner, None),
        RequestedAcl::Grants(list) => list,
    };
    if list == AccessList::private(owner) {
        return Ok(None);
    }
    request.require_service(Permission("s3:PutBucketAcl"), Some(&name))?;
    request.check_grantees(&list).await?;
    if ownership.unwrap_or(request.state.settings.s3.default_ownership).has_lists() {
        new.configure(&BucketList(list.clone()))?;
        return Ok(Some(list));
    }
    if list.reaches_beyond(owner) {
        return Err(Code::InvalidBucketAclWithObjectOwnership.into());
    }
    Ok(None)
}

/// What a body asks for.
#[derive(Default)]
struct Requested {
    /// The location; none when there is no constraint.
    location: Option<String>,
    /// The tags to begin with.
    tags: TagSet,
}

fn requested(body: &[u8]) -> Result<Requested, S3Error> {
    if body.trim_ascii().is_empty() {
        return Ok(Requested::default());
    }
    let document = xml::parse(body, "CreateBucketConfiguration").map_err(|_| S3Error::from(Code::MalformedXML))?;
    // A location of another kind or a type makes a bucket that is not a general purpose one.
    if document.child("Bucket").is_some() || document.child("Location").is_some() {
        return Err(Code::NotImplemented.into());
    }
    let tags = document.child("Tags").map(|tags| tags::read_list(tags, TagSet::BUCKET_MAX)).transpose()?;
    let location = document.text_of("LocationConstraint").map(str::to_owned).filter(|location| !location.is_empty());
    Ok(Requested { location, tags: tags.unwrap_or_default() })
}

fn created(name: &BucketName) -> Response {
    let mut response = empty(StatusCode::OK);
    if let Ok(location) = HeaderValue::from_str(&format!("/{name}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    show_arn(name, response.headers_mut());
    response
}

const BUCKET_ARN: HeaderName = HeaderName::from_static("x-amz-bucket-arn");

fn show_arn(name: &BucketName, headers: &mut HeaderMap) {
    if let Ok(arn) = HeaderValue::from_str(&bucket_arn(name.as_str())) {
        headers.insert(BUCKET_ARN, arn);
    }
}

async fn delete_bucket(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let hold_seconds = request.state.settings.s3.bucket_name_hold_seconds;
    match request.state.metadata.delete_bucket(bucket.id, hold_seconds).await? {
        DeleteBucket::Deleted => Ok(empty(StatusCode::NO_CONTENT)),
        DeleteBucket::NotEmpty => Err(not_empty(&bucket)),
        DeleteBucket::NoSuchBucket => Err(S3Error::new(Code::NoSuchBucket).field("BucketName", bucket.name.as_str())),
    }
}

fn not_empty(bucket: &Bucket) -> S3Error {
    let error = match bucket.versioning {
        Versioning::Never => S3Error::new(Code::BucketNotEmpty),
        Versioning::Enabled | Versioning::Suspended => S3Error::with(
            Code::BucketNotEmpty,
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
        ),
    };
    error.field("BucketName", bucket.name.as_str())
}

/// That a bucket's name can be used as the alias of an access point; it cannot here.
const ACCESS_POINT_ALIAS: HeaderName = HeaderName::from_static("x-amz-access-point-alias");

async fn head_bucket(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    headers.insert(BUCKET_REGION, request.state.region_of(&bucket));
    headers.insert(ACCESS_POINT_ALIAS, HeaderValue::from_static("false"));
    show_arn(&bucket.name, headers);
    Ok(response)
}
