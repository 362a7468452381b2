//! The resource that a signature of version 2 covers.
//!
//! Version 2 signs only some of the query. Here every parameter that is not known to be harmless must be among the
//! signed ones, or a presigned GET of an object could be turned into another operation on it.

use super::Verifier;
use crate::s3::error::{Code, S3Error};
use crate::s3::target::bucket_of_host;
use crate::s3::uri::{self, Query};

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
pub(super) fn check_parameters(parameters: &Query) -> Result<(), S3Error> {
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
        .field("ParameterNotSigned", super::claim::shown(name))),
    }
}

/// The bucket of a virtual host, the path as it stands on the wire, and the signed parameters, decoded.
pub(super) fn resource(verifier: &Verifier, host: &str, path: &str, raw_query: &str) -> Result<String, S3Error> {
    let bucket = bucket_of_host(host, &verifier.settings.domains);
    let mut resource = bucket.map_or_else(String::new, |bucket| format!("/{bucket}"));
    resource.push_str(path);
    let mut parameters = Vec::new();
    for pair in raw_query.split('&') {
        let (name, value) = pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value)));
        let name = uri::decode_query(name)?;
        if SIGNED.binary_search(&name.as_str()).is_ok() {
            let value = value.map(uri::decode_query).transpose()?;
            parameters.push((name, value));
        }
    }
    parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (index, (name, value)) in parameters.into_iter().enumerate() {
        resource.push(if index == 0 { '?' } else { '&' });
        resource.push_str(&name);
        if let Some(value) = value {
            resource.push('=');
            resource.push_str(&value);
        }
    }
    Ok(resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_parameters_are_sorted_to_be_searched() {
        assert!(SIGNED.is_sorted());
        assert!(HARMLESS.iter().all(|name| SIGNED.binary_search(name).is_err()));
    }
}
