//! Version ids of requests and responses.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::domain::{
    Bucket, DeleteMarker, ObjectKey, Version, VersionLookup, VersionName, VersionSelector, Versioning,
};
use crate::metadata::Deleted;
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::conditions::http_date;
use crate::s3::pipeline::request::S3Request;

const VERSION_ID: HeaderName = HeaderName::from_static("x-amz-version-id");
const SOURCE_VERSION_ID: HeaderName = HeaderName::from_static("x-amz-copy-source-version-id");
const DELETE_MARKER: HeaderName = HeaderName::from_static("x-amz-delete-marker");

/// Reads a `versionId`; none means the current version.
///
/// # Errors
/// `InvalidArgument` for text that can name no version.
pub fn selector(id: Option<&str>) -> Result<VersionSelector, S3Error> {
    let Some(text) = id else { return Ok(VersionSelector::Current) };
    if text.is_empty() {
        return Err(S3Error::argument("Version id cannot be the empty string", "versionId", text));
    }
    text.parse().map_err(|_| S3Error::argument("Invalid version id specified", "versionId", text))
}

impl S3Request {
    /// The version that `versionId` names.
    ///
    /// # Errors
    /// `InvalidArgument` for text that can name no version.
    pub fn selector(&self) -> Result<VersionSelector, S3Error> {
        selector(self.version_id())
    }

    /// The version that the request is about: the one that the decision was made about, where it looked at one.
    ///
    /// # Errors
    /// `NoSuchKey`, `NoSuchVersion`, `MethodNotAllowed` for a delete marker that was named.
    pub async fn version(&self, bucket: &Bucket, key: &ObjectKey) -> Result<Arc<Version>, S3Error> {
        let selector = self.selector()?;
        match &self.found {
            Some(found) => version_of(found.clone(), key, selector),
            None => self.version_at(bucket, key, selector).await,
        }
    }

    /// The version that a selector points to.
    ///
    /// # Errors
    /// As [`S3Request::version`].
    pub async fn version_at(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        selector: VersionSelector,
    ) -> Result<Arc<Version>, S3Error> {
        version_of(self.state.objects.find(bucket, key, selector).await?, key, selector)
    }
}

fn version_of(found: VersionLookup, key: &ObjectKey, selector: VersionSelector) -> Result<Arc<Version>, S3Error> {
    match found {
        VersionLookup::Version(version) => Ok(version),
        VersionLookup::Marker(marker) => Err(at_marker(key, marker, selector)),
        VersionLookup::Nothing => Err(missing(key, selector)),
    }
}

/// What is said where there is nothing.
fn missing(key: &ObjectKey, selector: VersionSelector) -> S3Error {
    match selector.name() {
        None => {
            let error = S3Error::new(Code::NoSuchKey).field("Key", key.as_str());
            error.header(DELETE_MARKER, const { HeaderValue::from_static("false") })
        }
        Some(name) => S3Error::new(Code::NoSuchVersion).field("Key", key.as_str()).field("VersionId", name.to_string()),
    }
}

/// The error for a delete marker: there is no object, and a named marker can only be deleted.
fn at_marker(key: &ObjectKey, marker: DeleteMarker, selector: VersionSelector) -> S3Error {
    let error = if selector == VersionSelector::Current {
        S3Error::new(Code::NoSuchKey).field("Key", key.as_str())
    } else {
        let error = S3Error::new(Code::MethodNotAllowed);
        let error = error.header(header::ALLOW, const { HeaderValue::from_static("DELETE") });
        match HeaderValue::from_str(&http_date(marker.modified_at)) {
            Ok(date) => error.header(header::LAST_MODIFIED, date),
            Err(_) => error,
        }
    };
    let error = error.header(DELETE_MARKER, const { HeaderValue::from_static("true") });
    match HeaderValue::from_str(&marker.name.to_string()) {
        Ok(name) => error.header(VERSION_ID, name),
        Err(_) => error,
    }
}

/// What operations on tags say where the current version is a delete marker: that it has none, not that nothing is there.
#[must_use]
pub fn at_marker_of_key(error: S3Error) -> S3Error {
    let at_marker = error.headers.iter().any(|(name, value)| *name == DELETE_MARKER && value == "true");
    if error.code != Code::NoSuchKey || !at_marker {
        return error;
    }
    let refused = S3Error { headers: error.headers, ..S3Error::new(Code::MethodNotAllowed) };
    refused.header(header::ALLOW, const { HeaderValue::from_static("DELETE") })
}

/// What clients call a version of this bucket; nothing where there never were versions.
#[must_use]
pub fn name_in(bucket: &Bucket, version: &Version) -> Option<VersionName> {
    (bucket.versioning != Versioning::Never || !version.null).then(|| version.name())
}

/// Names a version in a reply.
pub fn show(name: Option<VersionName>, headers: &mut HeaderMap) {
    if let Some(Ok(value)) = name.map(|name| HeaderValue::from_str(&name.to_string())) {
        headers.insert(VERSION_ID, value);
    }
}

/// Names a version that was written: as Amazon has it only one with an id of its own.
pub fn show_written(name: Option<VersionName>, headers: &mut HeaderMap) {
    show(name.filter(|name| *name != VersionName::Null), headers);
}

/// Names the version that was copied, if it has an id of its own.
pub fn show_source(name: Option<VersionName>, headers: &mut HeaderMap) {
    if let Some(Ok(value)) =
        name.filter(|name| *name != VersionName::Null).map(|name| HeaderValue::from_str(&name.to_string()))
    {
        headers.insert(SOURCE_VERSION_ID, value);
    }
}

/// Says what a deletion made or removed.
pub fn show_deleted(deleted: &Deleted, headers: &mut HeaderMap) {
    show(deleted.name, headers);
    if deleted.marker {
        headers.insert(DELETE_MARKER, const { HeaderValue::from_static("true") });
    }
}
