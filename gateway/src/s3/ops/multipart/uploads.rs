//! `CreateMultipartUpload` and `AbortMultipartUpload`.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::{Bucket, ObjectKey, UploadId};
use crate::objects::CreateUpload;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::write_attributes::{self, WriteAttributes};
use crate::s3::headers::{checksums, encryption_keys, expiration, sse, write_offset};
use crate::s3::pipeline::operation_input::Input;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_object};

/// The parameter that names an upload.
pub const UPLOAD_ID: &str = "uploadId";

/// What an upload brings of the object to be.
const TAKES: &[Input] = &[Input::Attributes, Input::Tags, Input::Acl, Input::Lock, Input::Encryption];

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_object("CreateMultipartUpload", Method::POST, "s3:PutObject", create_upload)
            .query("uploads")
            .never_anonymous("initiate multipart uploads")
            .takes(TAKES),
        on_object("AbortMultipartUpload", Method::DELETE, "s3:AbortMultipartUpload", abort_upload).query(UPLOAD_ID),
    ]
}

async fn create_upload(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    write_offset::refuse(&request.head.headers)?;
    let WriteAttributes { attributes, lock } = write_attributes::read(&request, &bucket, &key).await?;
    let checksum = checksums::plan(&request.head.headers)?;
    let cipher = encryption_keys::encryption_key(&request, &bucket, &key).await?;
    let create = CreateUpload { bucket: bucket.clone(), key, attributes, lock, cipher, checksum };
    let upload = request.state.objects.create_upload(create).await?;
    let mut writer = XmlWriter::document("InitiateMultipartUploadResult", 0);
    writer.text("Bucket", bucket.name.as_str()).text("Key", upload.key.as_str()).plain("UploadId", upload.id);
    let mut response = xml(writer.end("InitiateMultipartUploadResult"));
    checksums::write_plan(upload.checksum, response.headers_mut());
    sse::show(upload.attributes.encryption.as_ref(), &request.head.headers, response.headers_mut());
    expiration::announce_abort(&bucket, &upload.key, upload.created_at, response.headers_mut())?;
    Ok(response)
}

async fn abort_upload(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    if request.header("x-amz-if-match-initiated-time").is_some() {
        return Err(Code::NotImplemented.into());
    }
    request.state.objects.abort_upload(&bucket, &key, &upload_id(&request)?).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// The upload a request names.
///
/// # Errors
/// `NoSuchUpload` for text that can name none of ours.
pub fn upload_id(request: &S3Request) -> Result<UploadId, S3Error> {
    let text = request.query().get(UPLOAD_ID).unwrap_or_default();
    text.parse().map_err(|_| S3Error::new(Code::NoSuchUpload).field("UploadId", text))
}
