//! `GetBucketAcl`, `PutBucketAcl`, `GetObjectAcl`, `PutObjectAcl`.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::{AccessList, Bucket, Grantee, ObjectAttributes, ObjectKey, Version};
use crate::objects::{Amend, AmendedAttribute};
use crate::s3::authz::access::Owner;
use crate::s3::authz::acl::{self, Canned, RequestedAcl};
use crate::s3::authz::authorize::{BucketList, Rules};
use crate::s3::body::Integrity;
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::versions;
use crate::s3::pipeline::operation_input::Input;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket, on_object};

/// The largest document: a hundred grants fit.
const DOCUMENT_BYTES_MAX: usize = 64 << 10;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_bucket("GetBucketAcl", Method::GET, "s3:GetBucketAcl", get_bucket_acl).query("acl"),
        on_bucket("PutBucketAcl", Method::PUT, "s3:PutBucketAcl", put_bucket_acl)
            .query("acl")
            .takes(&[Input::Acl])
            .decided_by_handler(),
        on_object("GetObjectAcl", Method::GET, "s3:GetObjectAcl", get_object_acl)
            .query("acl")
            .version_permission("s3:GetObjectVersionAcl")
            .accepts(&["versionId"]),
        on_object("PutObjectAcl", Method::PUT, "s3:PutObjectAcl", put_object_acl)
            .query("acl")
            .version_permission("s3:PutObjectVersionAcl")
            .takes(&[Input::Acl])
            .decided_by_handler()
            .accepts(&["versionId"]),
    ]
}

async fn get_bucket_acl(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let owner = request.state.owner_of(&bucket, &request.identity).await?;
    let rules = Rules::of(&request, &bucket)?;
    let list = rules.list.filter(|_| rules.ownership.has_lists()).map(|list| list.0.clone());
    shown(&request, &owner, list).await
}

async fn put_bucket_acl(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let document = read_asked(&mut request).await?;
    request.authorize(&bucket, None).await?;
    let owner = request.state.owner_of(&bucket, &request.identity).await?;
    let Some(list) = wanted(&request, document, &bucket, &owner, None).await? else { return Ok(empty(StatusCode::OK)) };
    let kept = if list == AccessList::private(&owner.id.0) {
        request.state.metadata.clear_setting::<BucketList>(&bucket).await?
    } else {
        request.state.metadata.set_setting(&bucket, &BucketList(list)).await?
    };
    if kept {
        return Ok(empty(StatusCode::OK));
    }
    Err(S3Error::new(Code::NoSuchBucket).field("BucketName", bucket.name.as_str()))
}

/// Shows a list; none is that of what is private.
async fn shown(request: &S3Request, owner: &Owner, list: Option<AccessList>) -> Result<Response, S3Error> {
    let list = list.unwrap_or_else(|| AccessList::private(&owner.id.0));
    let mut names = Vec::with_capacity(list.grants.len());
    for grant in &list.grants {
        names.push(match &grant.to {
            Grantee::Account(id) if *id == owner.id.0 => owner.name.clone(),
            Grantee::Account(id) if owner.name.is_some() => {
                request.state.metadata.user_by_canonical_id(id).await?.map(|user| user.name)
            }
            _ => None,
        });
    }
    Ok(xml(acl::write(owner, &list, &names)))
}

/// Reads what the request asks for into the input, from its headers or its document, and answers the owner
/// that a document names.
async fn read_asked(request: &mut S3Request) -> Result<Option<String>, S3Error> {
    let body = request.small_body(Integrity::Optional, DOCUMENT_BYTES_MAX).await?;
    match request.input.acl {
        RequestedAcl::Nothing if body.is_empty() => Err(nothing_requested()),
        RequestedAcl::Nothing => {
            let (named, list) = acl::read(&body)?;
            request.input.acl = RequestedAcl::Grants(list);
            Ok(Some(named))
        }
        RequestedAcl::Canned(_) | RequestedAcl::Grants(_) if !body.is_empty() => Err(Code::UnexpectedContent.into()),
        RequestedAcl::Canned(_) | RequestedAcl::Grants(_) => Ok(None),
    }
}

fn nothing_requested() -> S3Error {
    S3Error::new(Code::MissingSecurityHeader).field("MissingHeaderName", "x-amz-acl")
}

/// The list that a request wants; none where it changes nothing. `named` is the owner that a document names, `bucket_owner`
/// is given for objects.
async fn wanted(
    request: &S3Request,
    named: Option<String>,
    bucket: &Bucket,
    owner: &Owner,
    bucket_owner: Option<&Owner>,
) -> Result<Option<AccessList>, S3Error> {
    if named.is_some_and(|named| !named.eq_ignore_ascii_case(&owner.id.0)) {
        return Err(Code::AccessDenied.into());
    }
    let rules = Rules::of(request, bucket)?;
    let requested = request.input.acl.clone();
    let list = match requested {
        RequestedAcl::Nothing => return Err(nothing_requested()),
        RequestedAcl::Canned(canned) => {
            if !rules.ownership.has_lists() {
                request.without_lists(bucket, &requested)?;
                return Ok(None);
            }
            canned.list(&owner.id.0, bucket_owner.map(|owner| owner.id.0.as_str()))
        }
        RequestedAcl::Grants(list) => list,
    };
    if !rules.ownership.has_lists() {
        // The one list that says what is so anyway.
        let same = list == AccessList::private(&owner.id.0);
        let says = if same { RequestedAcl::Canned(Canned::BucketOwnerFullControl) } else { RequestedAcl::Grants(list) };
        request.without_lists(bucket, &says)?;
        return Ok(None);
    }
    request.check_grantees(&list).await?;
    if rules.block.block_public_acls && list.is_public() {
        return Err(acl::public_lists_are_blocked());
    }
    Ok(Some(list))
}

async fn get_object_acl(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    let version = request.version(&bucket, &key).await?;
    let owner = owner_of(&request, &bucket, &version).await?;
    let rules = Rules::of(&request, &bucket)?;
    let list = version.attributes.acl.clone().filter(|_| rules.ownership.has_lists());
    let mut response = shown(&request, &owner, list).await?;
    versions::show(versions::name_in(&bucket, &version), response.headers_mut());
    Ok(response)
}

async fn put_object_acl(mut request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    let document = read_asked(&mut request).await?;
    request.authorize(&bucket, Some(&key)).await?;
    let version = request.version(&bucket, &key).await.map_err(versions::at_marker_of_key)?;
    let owner = owner_of(&request, &bucket, &version).await?;
    let bucket_owner = request.state.owner_of(&bucket, &request.identity).await?;
    let mut response = empty(StatusCode::OK);
    let wanted = wanted(&request, document, &bucket, &owner, Some(&bucket_owner)).await?;
    let mut name = versions::name_in(&bucket, &version);
    if let Some(list) = wanted {
        let list = Some(list).filter(|list| *list != AccessList::private(&owner.id.0));
        let writer = version.attributes.owner;
        // Should somebody else have written another object under this name meanwhile, that one keeps its own list.
        let edit = move |attributes: &mut ObjectAttributes| {
            if attributes.owner == writer {
                attributes.acl.clone_from(&list);
            }
        };
        let (selector, about, origin) =
            (request.selector()?, AmendedAttribute::AccessList, request.origin_for(&bucket));
        name = request.state.objects.amend(Amend { bucket, key, selector, about, origin }, edit).await?;
    }
    versions::show(name, response.headers_mut());
    Ok(response)
}

/// Whose a version is: its writer's where writers own, else the bucket owner's.
async fn owner_of(request: &S3Request, bucket: &Bucket, version: &Version) -> Result<Owner, S3Error> {
    let writer =
        version.attributes.owner.filter(|_| Rules::of(request, bucket).is_ok_and(|rules| rules.ownership.has_lists()));
    match writer {
        Some(writer) => request.state.owner_by_id(writer, &request.identity).await,
        None => request.state.owner_of(bucket, &request.identity).await,
    }
}
