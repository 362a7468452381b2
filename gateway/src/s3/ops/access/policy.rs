//! `PutBucketPolicy`, `GetBucketPolicy`, `DeleteBucketPolicy`, `GetBucketPolicyStatus`.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};

use crate::domain::Bucket;
use crate::policy::{BUCKET_POLICY_BYTES_MAX, BucketPolicy, PolicyError};
use crate::s3::authz::authorize::Rules;
use crate::s3::authz::principals;
use crate::s3::body::Integrity;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket};

/// Confirms that the policy may deny access even to the owner.
const CONFIRM: &str = "x-amz-confirm-remove-self-bucket-access";

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_bucket("PutBucketPolicy", Method::PUT, "s3:PutBucketPolicy", put_policy).query("policy"),
        on_bucket("GetBucketPolicy", Method::GET, "s3:GetBucketPolicy", get_policy).query("policy"),
        on_bucket("DeleteBucketPolicy", Method::DELETE, "s3:DeleteBucketPolicy", delete_policy).query("policy"),
        on_bucket("GetBucketPolicyStatus", Method::GET, "s3:GetBucketPolicyStatus", get_status).query("policyStatus"),
    ]
}

async fn put_policy(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    // One byte more is read than is taken, so that what is too long is refused as such.
    let body = request.small_body(Integrity::Optional, BUCKET_POLICY_BYTES_MAX + 1).await.map_err(|error| {
        if error.code == Code::MaxMessageLengthExceeded {
            malformed(&PolicyError::too_large()).closing()
        } else {
            error
        }
    })?;
    let text = std::str::from_utf8(&body).map_err(|_| S3Error::from(Code::MalformedPolicy))?;
    if !text.starts_with('{') {
        let message = "Policies must be valid JSON and the first byte must be '{'";
        return Err(S3Error::with(Code::MalformedPolicy, message));
    }
    let binds_owner = request.header(CONFIRM).is_some_and(|word| word.eq_ignore_ascii_case("true"));
    let policy = BucketPolicy::parse(text, bucket.name.as_str(), binds_owner).map_err(|error| malformed(&error))?;
    let blocked = Rules::of(&request, &bucket)?.block.block_public_policy;
    if blocked && policy.is_public() {
        let message =
            "Access Denied: public policies are blocked by the BlockPublicPolicy block public access setting.";
        return Err(S3Error::with(Code::AccessDenied, message));
    }
    let principals = principals::pin(&request.state.metadata, policy.document()).await?;
    changed(request.state.metadata.set_setting(&bucket, &policy.pinned(principals)).await?, &bucket)
}

fn malformed(error: &PolicyError) -> S3Error {
    S3Error::with(Code::MalformedPolicy, error.message().to_owned())
}

fn changed(there: bool, bucket: &Bucket) -> Result<Response, S3Error> {
    if there {
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    Err(S3Error::new(Code::NoSuchBucket).field("BucketName", bucket.name.as_str()))
}

async fn get_policy(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let missing = || S3Error::new(Code::NoSuchBucketPolicy).field("BucketName", bucket.name.as_str());
    let policy = bucket.settings.get::<BucketPolicy>()?.ok_or_else(missing)?;
    let text = principals::shown(&request.state.metadata, policy.text(), policy.principals()).await?;
    let mut response = Response::new(text.into());
    response.headers_mut().insert(header::CONTENT_TYPE, const { HeaderValue::from_static("application/json") });
    Ok(response)
}

async fn delete_policy(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    changed(request.state.metadata.clear_setting::<BucketPolicy>(&bucket).await?, &bucket)
}

/// Public is what its policy or its access list makes so, unless a block takes that back.
async fn get_status(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let rules = Rules::of(&request, &bucket)?;
    let by_policy = rules.policy.is_some_and(|policy| policy.is_public()) && !rules.block.restrict_public_buckets;
    let lists_count = rules.ownership.has_lists() && !rules.block.ignore_public_acls;
    let by_list = lists_count && rules.list.is_some_and(|list| list.0.is_public());
    let mut writer = XmlWriter::document("PolicyStatus", 0);
    writer.plain("IsPublic", by_policy || by_list);
    Ok(xml(writer.end("PolicyStatus")))
}
