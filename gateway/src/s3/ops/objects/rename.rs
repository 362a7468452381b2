//! `RenameObject`.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::{Bucket, ObjectKey, VersionSelector};
use crate::policy::Permission;
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::conditions::{self, ConditionOutcome};
use crate::s3::ops::objects::write::check_key;
use crate::s3::pipeline::operation_input::Input;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty};
use crate::s3::route::{Row, on_object};
use crate::s3::uri;

const SOURCE: &str = "x-amz-rename-source";

/// What it takes.
const TAKES: &[Input] = &[Input::Creation, Input::Condition];

/// How often a source that changes meanwhile is read again.
const ATTEMPTS: usize = 5;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![on_object("RenameObject", Method::PUT, "s3:PutObject", rename_object).query("renameObject").takes(TAKES)]
}

async fn rename_object(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    let source = source_key(request.header(SOURCE).unwrap_or_default(), bucket.name.as_str())?;
    if source == key {
        let message = "This rename request is illegal because the source and the destination are the same.";
        return Err(S3Error::with(Code::InvalidRequest, message));
    }
    // It reads nothing out and takes the source away.
    request.require(Permission("s3:GetObject"), &bucket, Some(&source)).await?;
    request.require(Permission("s3:DeleteObject"), &bucket, Some(&source)).await?;
    let dates = ["if-modified-since", "if-unmodified-since"];
    if dates.iter().any(|name| request.head.headers.contains_key(*name)) {
        // Of what the new key holds, tags are compared and dates are not.
        return Err(Code::NotImplemented.into());
    }
    let condition = request.input.condition.clone();
    let origin = request.origin_for(&bucket);
    for _ in 0..ATTEMPTS {
        let version = request.version_at(&bucket, &source, VersionSelector::Current).await?;
        let (headers, now) = (&request.head.headers, request.state.now());
        match conditions::evaluate(headers, &conditions::RENAME_SOURCE, version.etag, version.modified_at, now) {
            ConditionOutcome::Proceed => {}
            ConditionOutcome::NotModified(header) | ConditionOutcome::Failed(header) => {
                return Err(conditions::failed(header));
            }
        }
        // It brings its tags along.
        if !version.attributes.tags.is_empty() {
            request.require_copied_tags(request.permission, &bucket, &key, &version.attributes.tags).await?;
        }
        let (to, condition) = (key.clone(), condition.clone());
        if request.state.objects.rename(&bucket, &version, to, condition, origin.as_ref()).await? {
            return Ok(empty(StatusCode::OK));
        }
    }
    Err(Code::ConditionalRequestConflict.into())
}

/// The key to rename, percent-encoded: alone, or as `/bucket/key` of the same bucket.
fn source_key(value: &str, bucket: &str) -> Result<ObjectKey, S3Error> {
    let own =
        value.strip_prefix('/').and_then(|rest| rest.strip_prefix(bucket)).and_then(|rest| rest.strip_prefix('/'));
    let text = String::from_utf8(uri::decode(own.unwrap_or(value))?).map_err(|_| S3Error::from(Code::InvalidURI))?;
    check_key(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_named_with_or_without_its_bucket() {
        for (value, key) in [
            ("a/b", "a/b"),
            ("a%20b%2Fc", "a b/c"),
            ("/bucket/a", "a"),
            ("/other/a", "/other/a"),
            ("bucket/a", "bucket/a"),
            ("a+b", "a+b"),
        ] {
            assert_eq!(source_key(value, "bucket").unwrap().as_str(), key, "{value}");
        }
        for (value, code) in
            [("", Code::InvalidArgument), ("%zz", Code::InvalidURI), ("/bucket/", Code::InvalidArgument)]
        {
            assert_eq!(source_key(value, "bucket").unwrap_err().code, code, "{value}");
        }
    }
}
