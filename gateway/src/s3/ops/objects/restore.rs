//! `RestoreObject`: no class of this gateway needs a restore, whatever its name, so there is nothing to restore.

use std::sync::Arc;

use http::Method;

use crate::domain::{Bucket, ObjectKey};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::Response;
use crate::s3::route::{Row, on_object};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let row = on_object("RestoreObject", Method::POST, "s3:RestoreObject", restore);
    vec![row.query("restore").accepts(&["versionId"])]
}

async fn restore(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    if request.state.objects.current(&bucket, &key).await?.is_none() && request.query().get("versionId").is_none() {
        return Err(S3Error::new(Code::NoSuchKey).field("Key", key.as_str()));
    }
    let message = "Restore is not allowed for the object's current storage class";
    Err(S3Error::with(Code::InvalidObjectState, message))
}
