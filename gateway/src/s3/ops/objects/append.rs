//! `PutObject` with `x-amz-write-offset-bytes`: an append.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::domain::{Bucket, ObjectKey, VersionLock};
use crate::objects::Put;
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::write_attributes::{self, WriteAttributes};
use crate::s3::headers::{encryption_keys, sse};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, etag_header};

const OBJECT_SIZE: HeaderName = HeaderName::from_static("x-amz-object-size");

/// Appends.
///
/// # Errors
/// `InvalidWriteOffset` when the object has another size; `InvalidRequest` where there are versions.
pub async fn append_object(
    mut request: S3Request,
    bucket: Arc<Bucket>,
    key: ObjectKey,
    offset: u64,
) -> Result<Response, S3Error> {
    let WriteAttributes { attributes, lock } = write_attributes::read(&request, &bucket, &key).await?;
    if lock != VersionLock::NONE {
        return Err(S3Error::with(Code::InvalidRequest, "Bucket is missing Object Lock Configuration"));
    }
    if encryption_keys::encryption_key(&request, &bucket, &key).await?.is_some() {
        // Each object has one run of its cipher.
        return Err(Code::NotImplemented.into());
    }
    let condition = request.input.condition.clone();
    let (promise, body) = request.take_content()?;
    let origin = request.origin_for(&bucket);
    let put = Put { bucket, key, attributes, lock, condition, promise, cipher: None, origin };
    let stored = request.state.objects.append(put, offset, body).await?;
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag_header(stored.etag));
    headers.insert(OBJECT_SIZE, HeaderValue::from(stored.size));
    sse::show(None, &HeaderMap::new(), headers);
    Ok(response)
}
