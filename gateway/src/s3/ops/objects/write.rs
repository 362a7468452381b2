//! `PutObject`.

use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode, header};

use crate::domain::{Bucket, KeyError, ObjectKey};
use crate::lifecycle::LifecycleObject;
use crate::objects::{Put, Stored};
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::write_attributes::{self, WriteAttributes};
use crate::s3::headers::{checksums, encryption_keys, expiration, object_lock, sse, versions, write_offset};
use crate::s3::ops::objects::append::append_object;
use crate::s3::pipeline::funding::Fees;
use crate::s3::pipeline::operation_input::NEW_OBJECT;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, etag_header};
use crate::s3::route::{Row, on_object};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![on_object("PutObject", Method::PUT, "s3:PutObject", put_object).takes(NEW_OBJECT)]
}

async fn put_object(mut request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    if let Some(offset) = write_offset::read(&request.head.headers)? {
        return append_object(request, bucket, key, offset).await;
    }
    let WriteAttributes { attributes, lock } = write_attributes::read(&request, &bucket, &key).await?;
    let condition = request.input.condition.clone();
    let cipher = encryption_keys::encryption_key(&request, &bucket, &key).await?;
    let (promise, body) = request.take_content()?;
    object_lock::require_integrity(lock, &promise)?;
    let tags = attributes.tags.clone();
    let origin = request.origin_for(&bucket);
    let (place, name) = (bucket.clone(), key.clone());
    let put = Put { bucket: place, key: name, attributes, lock, condition, promise, cipher, origin };
    let stored = request.state.objects.put(put, body).await?;
    let mut response = written(&stored, &request.head.headers);
    request.state.funding.announce(stored.size, Fees::Written, response.headers_mut());
    let object = LifecycleObject { key: key.as_bytes(), size: stored.size, tags: &tags };
    expiration::announce(&bucket, &object, stored.modified_at, response.headers_mut())?;
    Ok(response)
}

/// A key that did not come in the path.
///
/// # Errors
/// `KeyTooLongError`, or `InvalidArgument` for what can be no key.
pub fn check_key(text: String) -> Result<ObjectKey, S3Error> {
    match ObjectKey::new(text) {
        Ok(key) => Ok(key),
        Err(KeyError::TooLong) => Err(Code::KeyTooLongError.into()),
        Err(error @ (KeyError::Empty | KeyError::NotText)) => {
            Err(S3Error::with(Code::InvalidArgument, error.to_string()))
        }
    }
}

fn written(stored: &Stored, request_headers: &HeaderMap) -> Response {
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag_header(stored.etag));
    checksums::write_headers(stored.checksum.as_ref(), stored.etag.parts, headers);
    sse::show(stored.encryption.as_ref(), request_headers, headers);
    versions::show_written(stored.name, headers);
    response
}
