//! What an error is about: the elements besides code and message that Amazon sends, by the error's code. They come from the
//! request alone, so whoever makes an error need not repeat them.

use http::{Method, header};

use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::target::Target;
use crate::s3::uri::Query;

/// Adds the elements that the error's code asks for and that are not there yet.
#[must_use]
pub fn complete(error: S3Error, target: &Target, method: &Method, raw_query: &str) -> S3Error {
    let key = match target {
        Target::Object(_, key) => key.as_str(),
        Target::Service | Target::Bucket(_) | Target::Resource(_) => "",
    };
    // The query was valid, or there is nothing to be found in it.
    let query = Query::parse(raw_query).unwrap_or_default();
    let parameter = |name| query.get(name).unwrap_or_default().to_owned();
    match error.code {
        Code::NoSuchKey | Code::ConditionalRequestConflict => error.field_if_absent("Key", key),
        Code::NoSuchVersion => error.field_if_absent("Key", key).field_if_absent("VersionId", parameter("versionId")),
        Code::NoSuchUpload | Code::InvalidPart | Code::InvalidPartOrder if query.has("uploadId") => {
            error.field_if_absent("UploadId", parameter("uploadId"))
        }
        Code::NoSuchBucket => match target.bucket() {
            Some(bucket) => error.field_if_absent("BucketName", bucket.as_str()),
            None => error,
        },
        Code::MethodNotAllowed => {
            // Only a delete marker has anything left that is allowed.
            let about_marker = error.headers.iter().any(|(name, _)| *name == header::ALLOW);
            let kind = if about_marker { "DeleteMarker" } else { target.level().resource_type() };
            error.field_if_absent("Method", method.as_str()).field_if_absent("ResourceType", kind)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ObjectKey;

    fn fields(error: impl Into<S3Error>, query: &str) -> Vec<(&'static str, String)> {
        let target = Target::Object("photos".parse().unwrap(), ObjectKey::new("a b".to_owned()).unwrap());
        complete(error.into(), &target, &Method::PUT, query).fields
    }

    #[test]
    fn errors_name_what_they_are_about() {
        let named = |pairs: &[(&'static str, &str)]| {
            pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(fields(Code::NoSuchKey, ""), named(&[("Key", "a b")]));
        assert_eq!(fields(Code::NoSuchVersion, "versionId=7"), named(&[("Key", "a b"), ("VersionId", "7")]));
        assert_eq!(fields(Code::InvalidPartOrder, "uploadId=u%20v"), named(&[("UploadId", "u v")]));
        assert_eq!(fields(Code::InvalidPart, ""), named(&[]), "a read of a part has no upload");
        assert_eq!(fields(Code::MethodNotAllowed, ""), named(&[("Method", "PUT"), ("ResourceType", "OBJECT")]));
        assert_eq!(fields(Code::AccessDenied, ""), named(&[]));
        let source = S3Error::new(Code::NoSuchKey).field("Key", "other");
        assert_eq!(fields(source, ""), named(&[("Key", "other")]), "what was said stays");
    }
}
