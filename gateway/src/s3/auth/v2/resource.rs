//! The resource that a signature of version 2 covers.
//!
//! Version 2 signs only some of the query. Here every parameter that is not known to be harmless must be among the
//! signed ones, or a presigned GET of an object could be turned into another operation on it.

use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request_target::RequestTarget;
use crate::s3::uri::Query;

/// Parameters that are part of the signed resource, sorted.
const SIGNED: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "retention",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// Parameters that only narrow down what a list shows.
const HARMLESS: &[&str] = &[
    "prefix",
    "delimiter",
    "marker",
    "max-keys",
    "encoding-type",
    "list-type",
    "continuation-token",
    "start-after",
    "fetch-owner",
    "key-marker",
    "upload-id-marker",
    "version-id-marker",
    "max-uploads",
    "max-parts",
    "part-number-marker",
    "max-buckets",
    "bucket-region",
    "x-id",
    "AWSAccessKeyId",
    "Signature",
    "Expires",
];

/// Every parameter must be signed or harmless.
pub(crate) fn check_parameters(parameters: &Query) -> Result<(), S3Error> {
    let known = |name: &str| {
        let header = name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"));
        let content = name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("content-md5");
        header || content || SIGNED.binary_search(&name).is_ok() || HARMLESS.contains(&name)
    };
    match parameters.iter().find(|(name, _)| !known(name)) {
        None => Ok(()),
        Some((name, _)) => Err(S3Error::with(
            Code::AccessDenied,
            "A signature of version 2 does not cover this query parameter; sign the request with version 4",
        )
        .field("ParameterNotSigned", crate::s3::auth::v4::claim::shown(name))),
    }
}

/// The bucket of a virtual host, the path as it stands on the wire (with or without a slash after it), and the signed
/// parameters, decoded. An empty value is signed as the bare name, with or without `=` on the wire.
///
/// # Errors
/// `AccessDenied` for parameters whose text could also be that of other parameters.
pub(crate) fn resource(target: &RequestTarget, path: &str) -> Result<String, S3Error> {
    let mut resource = target.host_bucket().map_or_else(String::new, |bucket| format!("/{bucket}"));
    resource.push_str(path);
    let is_signed = |name: &str| SIGNED.binary_search(&name).is_ok();
    let mut parameters: Vec<_> = target.query().iter().filter(|(name, _)| is_signed(name)).collect();
    parameters.sort_unstable();
    for (index, (name, value)) in parameters.iter().enumerate() {
        let repeated = index > 0 && parameters[index - 1].0 == *name;
        if repeated || reads_as_more(value) {
            return Err(ambiguous(name));
        }
        resource.push(if index == 0 { '?' } else { '&' });
        resource.push_str(name);
        if !value.is_empty() {
            resource.push('=');
            resource.push_str(value);
        }
    }
    Ok(resource)
}

/// Whether a part of this value would be read as a signed parameter in the text that is signed, where values stand
/// decoded. Without such values every text is that of one set of parameters: it is parted exactly where an ampersand is
/// followed by the name of a signed parameter.
fn reads_as_more(value: &str) -> bool {
    let end = |piece: &str| piece.find('=').unwrap_or(piece.len());
    value.split('&').skip(1).any(|piece| SIGNED.binary_search(&&piece[..end(piece)]).is_ok())
}

fn ambiguous(name: &str) -> S3Error {
    S3Error::with(
        Code::AccessDenied,
        "A signature of version 2 over this query parameter could be that of another request; sign it with version 4",
    )
    .field("ParameterNotSigned", crate::s3::auth::v4::claim::shown(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_parameters_are_sorted_to_be_searched() {
        assert!(SIGNED.is_sorted());
        assert!(HARMLESS.iter().all(|name| SIGNED.binary_search(name).is_err()));
    }

    fn of(query: &str) -> Option<String> {
        let target =
            RequestTarget::parse("photos.s3.example.com", &format!("/k?{query}"), &["s3.example.com".to_owned()]);
        resource(&target.expect("a target"), "/k").ok()
    }

    #[test]
    fn an_empty_value_is_signed_as_the_bare_name() {
        for query in ["uploads", "uploads=", "uploads=&prefix=a"] {
            assert_eq!(of(query).as_deref(), Some("/photos/k?uploads"), "{query}");
        }
    }

    #[test]
    fn parameters_that_could_be_others_are_refused() {
        for query in [
            "response-content-type=text/plain%26versionId%3D1",
            "response-content-type=text/plain%26acl",
            "response-content-type=a%26versionId",
            "versionId=1&versionId=2",
            "versionId=1&versionId=1",
        ] {
            assert_eq!(of(query), None, "{query}");
        }
        for (query, signed) in [
            ("versionId=1&acl", "acl&versionId=1"),
            (
                "response-content-disposition=attachment;%20filename%3D%22a%20%26%20b%22",
                "response-content-disposition=attachment; filename=\"a & b\"",
            ),
            ("response-content-type=a%26b%3Dc", "response-content-type=a&b=c"),
        ] {
            assert_eq!(of(query), Some(format!("/photos/k?{signed}")), "{query}");
        }
    }
}
