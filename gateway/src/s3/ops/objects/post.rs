//! `PostObject`: a form sent by a browser, which carries its own policy and signature.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};

use crate::domain::{Bucket, BucketName, WriteCondition};
use crate::events::Origin;
use crate::objects::{Put, Stored};
use crate::policy::Permission;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::S3Error;
use crate::s3::form::{self, FormFields};
use crate::s3::headers::write_attributes::{self, WriteAttributes};
use crate::s3::headers::{checksums, encryption_keys, object_tags, sse, versions, write_offset};
use crate::s3::ops::objects::write::check_key;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, etag_header, object_url, xml};
use crate::s3::route::{Row, on_bucket};
use crate::s3::uri;

const PERMISSION: &str = "s3:PutObject";

/// The rows of this group. The name is that of Amazon's documentation; its model has none.
pub fn rows() -> Vec<Row> {
    // Whether it is a form is for the handler to say, in Amazon's words.
    vec![on_bucket("PostObject", Method::POST, PERMISSION, post_object).open_to_all()]
}

async fn post_object(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let body = request.take_body();
    let limits = &request.state.settings.body;
    let form = form::parse(&request.state.verifier, bucket.name.as_str(), &request.head, body, limits).await?;
    // The row is open, because only the form identifies the caller: so permission is checked here, and for what the form contains.
    let key = check_key(form.key.clone())?;
    request.be_form(&form)?;
    if let Some(document) = form.fields.get("tagging").filter(|document| !document.is_empty()) {
        if request.input.tags.is_some() {
            return Err(S3Error::argument("Tags may be given in one field only.", "tagging", document));
        }
        request.input.tags = Some(object_tags::of_document(document.as_bytes())?);
    }
    request.require(Permission(PERMISSION), &bucket, Some(&key)).await?;
    write_offset::refuse(&form.headers)?;
    let WriteAttributes { attributes, lock } = write_attributes::read(&request, &bucket, &key).await?;
    let location = object_url(&request.head, &request.target, &bucket.name, &key);
    let name = bucket.name.clone();
    let origin = request.origin_for(&bucket).map(|origin| Origin { event: Some("ObjectCreated:Post"), ..origin });
    let cipher = encryption_keys::encryption_key(&request, &bucket, &key).await?;
    let (condition, promise) = (WriteCondition::None, form.promise);
    let put = Put { bucket, key: key.clone(), attributes, lock, condition, promise, cipher, origin };
    let stored = request.state.objects.put(put, form.body).await?;
    let mut response = answer(&form.fields, &stored, &name, key.as_str(), &location);
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag_header(stored.etag));
    checksums::write_headers(stored.checksum.as_ref(), stored.etag.parts, headers);
    sse::show(stored.encryption.as_ref(), &form.headers, headers);
    versions::show_written(stored.name, headers);
    if !headers.contains_key(header::LOCATION)
        && let Ok(location) = HeaderValue::from_str(&location)
    {
        headers.insert(header::LOCATION, location);
    }
    Ok(response)
}

/// What the form asks to be answered: a redirect, a document, or a bare status.
fn answer(fields: &FormFields, stored: &Stored, bucket: &BucketName, key: &str, location: &str) -> Response {
    if let Some(redirect) = redirect(fields, stored, bucket, key) {
        let mut response = empty(StatusCode::SEE_OTHER);
        response.headers_mut().insert(header::LOCATION, redirect);
        return response;
    }
    match fields.get("success_action_status") {
        Some("200") => empty(StatusCode::OK),
        Some("201") => {
            let mut writer = XmlWriter::declared(0);
            writer.open("PostResponse").text("Location", location).text("Bucket", bucket.as_str()).text("Key", key);
            writer.etag(stored.etag);
            let mut response = xml(writer.end("PostResponse"));
            *response.status_mut() = StatusCode::CREATED;
            response
        }
        _ => empty(StatusCode::NO_CONTENT),
    }
}

/// Where the browser is to go next. What is no web address is ignored, as Amazon does.
fn redirect(fields: &FormFields, stored: &Stored, bucket: &BucketName, key: &str) -> Option<HeaderValue> {
    let url = fields.get("success_action_redirect").or_else(|| fields.get("redirect"))?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return None;
    }
    let mut location = format!("{url}{}bucket={bucket}&key=", if url.contains('?') { '&' } else { '?' });
    uri::encode_query(key.as_bytes(), &mut location);
    location.push_str("&etag=");
    uri::encode_query(format!("\"{}\"", stored.etag).as_bytes(), &mut location);
    HeaderValue::try_from(location).ok()
}
