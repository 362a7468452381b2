//! What all configurations of a bucket have in common: a document is put, shown and deleted.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::{Bucket, Setting};
use crate::s3::body::Integrity;
use crate::s3::documents::xml::{Element, XmlWriter, parse};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket};

/// The largest document, in bytes: what Amazon takes for the largest of them.
const DOCUMENT_BYTES_MAX: usize = 64 << 10;

/// A setting that clients see as an XML document.
pub trait Configuration: Setting {
    /// The root element.
    const ROOT: &'static str;
    /// The query parameter that names it.
    const PARAMETER: &'static str;
    /// What is said where it was never put.
    const MISSING: Code;
    /// What its document has to bring to be believed.
    const INTEGRITY: Integrity = Integrity::Required;
    /// The status of the answer when it was put.
    const DONE: StatusCode = StatusCode::OK;

    /// Whether it says nothing, so that putting it deletes what was there.
    fn is_empty(&self) -> bool {
        false
    }

    /// Reads it from its root element.
    ///
    /// # Errors
    /// `MalformedXML`, or what Amazon says to a document that is well-formed and wrong.
    fn read(root: &Element) -> Result<Self, S3Error>;

    /// Whether it may be put on this bucket.
    ///
    /// # Errors
    /// Why not.
    fn check(&self, _request: &S3Request, _bucket: &Bucket) -> Result<(), S3Error> {
        Ok(())
    }

    /// Writes what is inside the root element.
    fn write(&self, writer: &mut XmlWriter);
}

/// The three rows of a configuration. Operations and permissions in the order put, get, delete.
pub fn rows<C: Configuration>(operations: [&'static str; 3], permissions: [&'static str; 3]) -> Vec<Row> {
    vec![
        on_bucket(operations[0], Method::PUT, permissions[0], put::<C>).query(C::PARAMETER),
        on_bucket(operations[1], Method::GET, permissions[1], get::<C>).query(C::PARAMETER),
        on_bucket(operations[2], Method::DELETE, permissions[2], delete::<C>).query(C::PARAMETER),
    ]
}

/// Puts a configuration.
///
/// # Errors
/// What is wrong with the document.
pub async fn put<C: Configuration>(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let body = request.small_body(C::INTEGRITY, DOCUMENT_BYTES_MAX).await?;
    let root = parse(&body, C::ROOT).map_err(|_| S3Error::from(Code::MalformedXML))?;
    let configuration = C::read(&root)?;
    configuration.check(&request, &bucket)?;
    let kept = if configuration.is_empty() {
        request.state.metadata.clear_setting::<C>(&bucket).await?
    } else {
        request.state.metadata.set_setting(&bucket, &configuration).await?
    };
    if kept { Ok(empty(C::DONE)) } else { Err(gone(&bucket)) }
}

async fn get<C: Configuration>(_call: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let missing = || S3Error::new(C::MISSING).field("BucketName", bucket.name.as_str());
    let configuration = bucket.settings.get::<C>()?.ok_or_else(missing)?;
    Ok(shown(&*configuration))
}

/// The document of a configuration.
pub fn shown<C: Configuration>(configuration: &C) -> Response {
    let mut writer = XmlWriter::document(C::ROOT, 0);
    configuration.write(&mut writer);
    xml(writer.end(C::ROOT))
}

/// Deletes a configuration; one that was never put is deleted too.
///
/// # Errors
/// `NoSuchBucket` when the bucket is gone meanwhile.
pub async fn delete<C: Configuration>(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    clear::<C>(&request, &bucket).await
}

/// Takes back a setting, whatever form its document has.
///
/// # Errors
/// `NoSuchBucket` when the bucket is gone meanwhile.
pub async fn clear<T: Setting>(request: &S3Request, bucket: &Bucket) -> Result<Response, S3Error> {
    if request.state.metadata.clear_setting::<T>(bucket).await? {
        Ok(empty(StatusCode::NO_CONTENT))
    } else {
        Err(gone(bucket))
    }
}

fn gone(bucket: &Bucket) -> S3Error {
    S3Error::new(Code::NoSuchBucket).field("BucketName", bucket.name.as_str())
}
