//! Uploads from a browser's form: a `POST` of `multipart/form-data` whose fields carry the signature, and a policy that
//! restricts what may be uploaded.
//!
//! A form is handed out only after everything about it was verified except the file's bytes, which the
//! returned body checks as they pass.

mod file;
mod multipart;
mod policy;
#[cfg(test)]
mod tests;

use axum::body::Body;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::objects::{BodyPromise, IncomingBody};
use crate::s3::auth::{Identity, Verifier};
use crate::s3::body::{BodyLimits, Frames, promise_of_form};
use crate::s3::error::{Code, S3Error};
use crate::s3::form::file::FileBody;
use crate::s3::form::multipart::{Event, Malformed, Multipart};
use crate::s3::form::policy::Policy;
use crate::s3::headers::encoded_words;
use crate::s3::headers::object_headers::USER_PREFIX;

/// The most bytes that may stand before the file; Amazon's bound.
const FIELDS_BYTES_MAX: usize = 20 << 10;

/// The most bytes that may come before the file in all, with boundaries, heads of fields and what stands before the first.
const PRELUDE_BYTES_MAX: usize = 64 << 10;

/// The most fields a form may have.
const FIELDS_MAX: usize = 200;

/// What stands for the name of the file in any field.
const FILE_NAME: &str = "${filename}";

/// Fields that prove something: they are taken as they came.
const PROOFS: [&str; 4] = ["policy", "signature", "x-amz-signature", "x-amz-security-token"];

/// Fields that are headers of the object under the same name.
const HEADERS: [&str; 7] = [
    "cache-control",
    "content-type",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "expires",
];

/// The fields before the file, names in lower case.
#[derive(Clone, Debug, Default)]
pub struct FormFields {
    fields: Vec<(String, String)>,
    /// `None` for a file without a name: then fields that ask for it stay as they are.
    file_name: Option<String>,
}

impl FormFields {
    /// The value of a field; the name is given in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Puts the file's name where a field asks for it, as Amazon does in all of them; the policy is then held against what
    /// will really be done.
    fn put_file_name(&mut self) -> Result<(), S3Error> {
        let Some(file_name) = &self.file_name else { return Ok(()) };
        let asking = |(name, _): &&mut (String, String)| !PROOFS.contains(&name.as_str());
        let mut bytes = 0;
        for (_, value) in self.fields.iter_mut().filter(asking) {
            bytes += value.matches(FILE_NAME).count() * file_name.len();
            if bytes > FIELDS_BYTES_MAX {
                return Err(Code::MaxPostPreDataLengthExceededError.into());
            }
            *value = value.replace(FILE_NAME, file_name);
        }
        Ok(())
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A verified form.
pub struct Form {
    /// The signer of its policy; anonymous if it has none.
    pub identity: Identity,
    /// The key.
    pub key: String,
    /// All fields (`success_action_status`, `success_action_redirect`, `tagging`, ...).
    pub fields: FormFields,
    /// The fields that a `PUT` would send as headers: type, metadata, checksums, `x-amz-acl`.
    pub headers: HeaderMap,
    /// What must be true of the file.
    pub promise: BodyPromise,
    /// The file; ends in an error when it is longer or shorter than the policy allows.
    pub body: Box<dyn IncomingBody>,
}

/// Reads a form up to its file and verifies its signature and its policy.
///
/// # Errors
/// Everything that is wrong with the form, its signature, its policy, or its fields under that policy.
pub async fn parse(
    verifier: &Verifier,
    bucket: &str,
    head: &Parts,
    body: Body,
    limits: &BodyLimits,
) -> Result<Form, S3Error> {
    let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = content_type.and_then(Multipart::new).ok_or_else(no_form)?;
    let reading = read_fields(form, Frames::new(head, body, limits.idle));
    let (mut fields, form, frames) = limits.unverified.read(head, reading).await?;
    let identity = verifier.verify_form(|name| fields.get(name)).await?;
    fields.put_file_name()?;
    let key = fields.get("key").ok_or_else(|| missing("key"))?.to_owned();
    let (mut min, mut max) = (0, limits.object_bytes_max);
    if let Some(text) = fields.get("policy") {
        let policy = BASE64_STANDARD.decode(text.trim()).unwrap_or_default();
        let policy = Policy::parse(&policy)?;
        policy.check(verifier.now(), &as_checked(&fields, bucket, &key))?;
        if let Some((least, most)) = policy.length {
            (min, max) = (least, max.min(most));
        }
    }
    let headers = headers(&fields)?;
    let promise = promise_of_form(&headers)?;
    let body = Box::new(FileBody::new(frames, form, min, max));
    Ok(Form { identity, key, fields, headers, promise, body })
}

/// As recorded: what looks like a condition of the request is its type.
fn no_form() -> S3Error {
    let condition = "Bucket POST must be of the enclosure-type multipart/form-data";
    S3Error::new(Code::PreconditionFailed).field("Condition", condition)
}

fn too_long() -> S3Error {
    S3Error::new(Code::MaxPostPreDataLengthExceededError).closing()
}

/// Reads a form up to its file.
async fn read_fields(mut form: Multipart, mut frames: Frames) -> Result<(FormFields, Multipart, Frames), S3Error> {
    let malformed = |error: Malformed| S3Error::with(Code::MalformedPOSTRequest, error.to_string()).closing();
    let mut fields = FormFields::default();
    let mut open: Option<(String, Vec<u8>)> = None;
    let (mut bytes_seen, mut bytes_come) = (0, 0);
    loop {
        match form.next().map_err(malformed)? {
            Some(Event::Part(part)) if part.name.eq_ignore_ascii_case("file") => {
                fields.file_name = part.file_name.as_deref().map(|name| bare_name(name).to_owned());
                return Ok((fields, form, frames));
            }
            Some(Event::Part(part)) => {
                let name = part.name.to_lowercase();
                if fields.get(&name).is_some() {
                    return Err(S3Error::argument("A field occurs twice in the form", &name, "").closing());
                }
                open = Some((name, Vec::new()));
            }
            Some(Event::Data(bytes)) => {
                bytes_seen += bytes.len();
                if let Some((_, value)) = &mut open {
                    value.extend_from_slice(&bytes);
                }
            }
            Some(Event::End) => {
                if let Some((name, value)) = open.take() {
                    let value = String::from_utf8(value).map_err(|_| malformed(Malformed("a field is not text")))?;
                    bytes_seen += name.len();
                    fields.fields.push((name, value));
                }
            }
            Some(Event::Finished) => {
                let text = "POST requires exactly one file upload per request.";
                return Err(S3Error::argument(text, "file", "0"));
            }
            None => match frames.next().await? {
                // All that came before this has been looked at, and the file was not in it.
                Some(_) if bytes_come > PRELUDE_BYTES_MAX => return Err(too_long()),
                Some(bytes) => {
                    bytes_come += bytes.len();
                    form.push(&bytes);
                }
                None if form.end() => {}
                None => return Err(malformed(Malformed("the form breaks off"))),
            },
        }
        if bytes_seen > FIELDS_BYTES_MAX || fields.fields.len() > FIELDS_MAX {
            return Err(too_long());
        }
    }
}

/// A file's name without the folders that some browsers put before it.
fn bare_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

fn missing(field: &str) -> S3Error {
    let text = format!(
        "Bucket POST must contain a field named '{field}'.  If it is specified, please check the order of the fields."
    );
    S3Error::argument(text, field, "")
}

/// The fields as the policy sees them: with the bucket.
fn as_checked<'a>(fields: &'a FormFields, bucket: &'a str, key: &'a str) -> Vec<(&'a str, &'a str)> {
    let others = fields.iter().filter(|(name, _)| *name != "key" && *name != "bucket");
    [("bucket", bucket), ("key", key)].into_iter().chain(others).collect()
}

/// The fields that a `PUT` would send as headers.
fn headers(fields: &FormFields) -> Result<HeaderMap, S3Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields.iter() {
        let name = match name {
            "acl" => "x-amz-acl",
            "x-amz-algorithm" | "x-amz-credential" | "x-amz-date" | "x-amz-signature" | "x-amz-security-token" => {
                continue;
            }
            name if HEADERS.contains(&name) || name.starts_with("x-amz-") => name,
            _ => continue,
        };
        let invalid = || S3Error::argument("A field of the form is not valid", name, value);
        if name.starts_with("x-amz-copy-source") || name == "x-amz-trailer" {
            return Err(invalid());
        }
        // Who puts lines into a header means to write another one.
        if value.contains(['\r', '\n']) {
            return Err(invalid());
        }
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        headers.insert(header, HeaderValue::from_bytes(&as_header(name, value)).map_err(|_| invalid())?);
    }
    Ok(headers)
}

/// A field's value as the header of its name carries it. A form's fields are text of any alphabet and no encoded words: metadata
/// keeps all of it, and what has only the alphabet of headers gets spaces for the other letters, as with Amazon.
fn as_header(name: &str, value: &str) -> Vec<u8> {
    if name.starts_with(USER_PREFIX) {
        return encoded_words::shield(value).into_bytes();
    }
    if !HEADERS.contains(&name) {
        return value.as_bytes().to_vec();
    }
    value.chars().map(|character| u8::try_from(character).unwrap_or(b' ')).collect()
}
