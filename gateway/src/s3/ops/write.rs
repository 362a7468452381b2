//! `PutObject`.

use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode, header};

use super::append::{append_object, offset};
use crate::domain::{Bucket, KeyError, ObjectKey};
use crate::lifecycle::Subject;
use crate::objects::{Put, Stored};
use crate::s3::call::Call;
use crate::s3::carried::{self, Carried};
use crate::s3::error::{Code, S3Error};
use crate::s3::operation_input::NEW_OBJECT;
use crate::s3::respond::{Response, empty, etag_header};
use crate::s3::route::{Row, on_object};
use crate::s3::{checksums, expiration, locks, sse, versions};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![on_object("PutObject", Method::PUT, "s3:PutObject", put_object).takes(NEW_OBJECT)]
}

async fn put_object(mut call: Call, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    if let Some(offset) = offset(&call)? {
        return append_object(call, bucket, key, offset).await;
    }
    let Carried { attributes, lock } = carried::read(&call, &bucket, &key).await?;
    let condition = call.input.condition.clone();
    let cipher = sse::lock(&call, &bucket).await?;
    let (promise, body) = call.take_content()?;
    locks::vouched(lock, &promise)?;
    let tags = attributes.tags.clone();
    let origin = call.origin_for(&bucket);
    let (place, name) = (bucket.clone(), key.clone());
    let put = Put { bucket: place, key: name, attributes, lock, condition, promise, cipher, origin };
    let stored = call.door.objects.put(put, body).await?;
    let mut response = written(&stored, &call.head.headers);
    let subject = Subject { key: key.as_bytes(), size: stored.size, tags: &tags };
    expiration::announce(&bucket, &subject, stored.modified_at, response.headers_mut())?;
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

fn written(stored: &Stored, asked: &HeaderMap) -> Response {
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag_header(stored.etag));
    checksums::write_headers(stored.checksum.as_ref(), stored.etag.parts, headers);
    sse::show(stored.encryption.as_ref(), asked, headers);
    versions::show_written(stored.name, headers);
    response
}
