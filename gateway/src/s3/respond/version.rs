//! The headers that describe a version.

use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};

use crate::domain::{BucketName, ETag, ObjectKey, Version};
use crate::s3::headers::conditions::http_date;
use crate::s3::headers::{object_headers, object_lock, object_tags, sse, storage_class};
use crate::s3::pipeline::connection_info::scheme;
use crate::s3::pipeline::request_target::RequestTarget;
use crate::s3::uri;

/// A tag in its quotes.
#[must_use]
pub fn etag_header(etag: ETag) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{etag}\"")).expect("hexadecimal digits, a dash and quotes are visible ASCII")
}

/// Tag and date: what even a 304 carries.
pub fn validators(version: &Version, headers: &mut HeaderMap) {
    headers.insert(header::ETAG, etag_header(version.etag));
    if let Ok(date) = HeaderValue::from_str(&http_date(version.modified_at)) {
        headers.insert(header::LAST_MODIFIED, date);
    }
}

/// Everything about a version but its length and its checksum.
pub fn describe(version: &Version, headers: &mut HeaderMap) {
    validators(version, headers);
    headers.insert(header::ACCEPT_RANGES, const { HeaderValue::from_static("bytes") });
    sse::show(version.attributes.encryption.as_ref(), &HeaderMap::new(), headers);
    object_headers::write(&version.attributes, headers);
    object_tags::show_count(&version.attributes.tags, headers);
    object_lock::write(version.lock, headers);
    storage_class::show(&version.attributes, headers);
}

/// Where an object can be found, as the client would write it.
#[must_use]
pub fn object_url(head: &Parts, target: &RequestTarget, bucket: &BucketName, key: &ObjectKey) -> String {
    let mut url = format!("{}://{}/", scheme(head), target.host());
    if target.host_bucket().is_none() {
        url.push_str(bucket.as_str());
        url.push('/');
    }
    uri::encode_path(key.as_bytes(), &mut url);
    url
}
