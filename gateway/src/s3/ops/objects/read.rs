//! `GetObject` and `HeadObject`.

use std::ops::Range;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::domain::{Bucket, Checksum, ObjectKey, PartNumber, Version};
use crate::lifecycle::LifecycleObject;
use crate::objects::Opener;
use crate::s3::auth::Identity;
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::conditions::{self, ConditionOutcome};
use crate::s3::headers::range::{self, Wanted};
use crate::s3::headers::{checksums, expiration, object_headers, sse, versions};
use crate::s3::pipeline::operation_input::Input;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{self, Response, describe, empty, validators};
use crate::s3::route::{Row, on_object};

const PARTS_COUNT: HeaderName = HeaderName::from_static("x-amz-mp-parts-count");

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let accepts = &["partNumber", "versionId"];
    vec![
        on_object("GetObject", Method::GET, "s3:GetObject", get_object)
            .version_permission("s3:GetObjectVersion")
            .takes(&[Input::ReadKey])
            .accepts(accepts),
        on_object("HeadObject", Method::HEAD, "s3:GetObject", head_object)
            .version_permission("s3:GetObjectVersion")
            .takes(&[Input::ReadKey])
            .accepts(accepts),
    ]
}

/// Answers GET and HEAD of an object, for a caller that is already authorized.
///
/// # Errors
/// What `GetObject` says.
pub async fn read_object(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    if request.head.method == Method::HEAD {
        head_object(request, bucket, key).await
    } else {
        get_object(request, bucket, key).await
    }
}

async fn get_object(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    let Reading { version, bytes, opener, mut response } = match prepare(&request, &bucket, key).await? {
        Prepared::Answered(response) => return Ok(response),
        Prepared::Reading(reading) => reading,
    };
    let length = bytes.end - bytes.start;
    if length > 0 {
        let reader = request.state.objects.read_with(version, bytes, &opener).await?;
        // Whoever has the connection ends it when others wait for what it holds.
        if let Some(revocation) = reader.revocation() {
            response.extensions_mut().insert(revocation);
        }
        let content = respond::ContentToSend { reader, length, ongoing_read: request.ongoing_read };
        *response.body_mut() = respond::content(content, request.state.objects.clone(), bucket.id, request.id);
    }
    Ok(response)
}

async fn head_object(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    match prepare(&request, &bucket, key).await? {
        Prepared::Answered(response) => Ok(response),
        Prepared::Reading(reading) => Ok(reading.response),
    }
}

/// What comes before the bytes.
enum Prepared {
    /// Nothing follows.
    Answered(Response),
    /// These bytes do.
    Reading(Reading),
}

struct Reading {
    version: Arc<Version>,
    bytes: Range<u64>,
    opener: Opener,
    response: Response,
}

/// The head of the reply, the same for GET and HEAD.
async fn prepare(request: &S3Request, bucket: &Bucket, key: ObjectKey) -> Result<Prepared, S3Error> {
    let request_headers = &request.head.headers;
    let version = request.version(bucket, &key).await?;
    let now = request.state.now();
    match conditions::evaluate(request_headers, &conditions::READ, version.etag, version.modified_at, now) {
        ConditionOutcome::Proceed => {}
        ConditionOutcome::NotModified(_) => return Ok(Prepared::Answered(not_modified(&version))),
        ConditionOutcome::Failed(header) => return Err(conditions::failed(header)),
    }
    let encryption = version.attributes.encryption.as_ref();
    let opener = Opener { account: bucket.owner, customer: request.input.customer_key.clone(), peer: request.peer() };
    request.state.objects.resolve_key(encryption, &opener).await?;
    let piece = choose(request, &version).await?;
    let mut response = empty(if piece.partial { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK });
    let headers = response.headers_mut();
    describe(&version, headers);
    sse::show(encryption, request_headers, headers);
    let object = LifecycleObject { key: version.key.as_bytes(), size: version.size, tags: &version.attributes.tags };
    // The rule is about what is current: Amazon announces none for a version that is named, even if it is the current one.
    if request.version_id().is_none() {
        expiration::announce(bucket, &object, version.modified_at, headers)?;
    }
    versions::show(versions::name_in(bucket, &version), headers);
    object_headers::apply_overrides(request.query(), matches!(request.identity, Identity::Known(_)), headers)?;
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(piece.bytes.end - piece.bytes.start));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, const { HeaderValue::from_static("nosniff") });
    if piece.partial && !piece.bytes.is_empty() {
        let text = format!("bytes {}-{}/{}", piece.bytes.start, piece.bytes.end - 1, version.size);
        headers.insert(header::CONTENT_RANGE, HeaderValue::try_from(text).map_err(|_| Code::InternalError)?);
    }
    if let Some(count) = piece.parts {
        headers.insert(PARTS_COUNT, HeaderValue::from(count));
    }
    if request_headers.get("x-amz-checksum-mode").is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"ENABLED")) {
        show_checksum(&version, &piece, headers);
    }
    Ok(Prepared::Reading(Reading { version, bytes: piece.bytes, opener, response }))
}

fn not_modified(version: &Version) -> Response {
    let mut response = empty(StatusCode::NOT_MODIFIED);
    let headers = response.headers_mut();
    validators(version, headers);
    if let Some(Ok(value)) = version.attributes.cache_control.as_deref().map(HeaderValue::from_str) {
        headers.insert(header::CACHE_CONTROL, value);
    }
    response
}

/// The piece of a version that is wanted.
struct Piece {
    bytes: Range<u64>,
    /// Answer 206.
    partial: bool,
    /// How many parts the object has, when one of them was asked for.
    parts: Option<usize>,
    /// The checksum of the part that was asked for.
    part_checksum: Option<Checksum>,
}

impl Piece {
    fn of(bytes: Range<u64>, partial: bool) -> Self {
        Self { bytes, partial, parts: None, part_checksum: None }
    }
}

async fn choose(request: &S3Request, version: &Version) -> Result<Piece, S3Error> {
    let range = request.head.headers.get(header::RANGE).map(|value| value.to_str().unwrap_or_default());
    let number = request.query().get("partNumber");
    match (number, range) {
        (Some(_), Some(_)) => {
            let message = "Cannot specify both Range header and partNumber query parameter";
            Err(S3Error::with(Code::InvalidRequest, message))
        }
        (Some(number), None) => part(request, version, number).await,
        (None, Some(range))
            if conditions::range_is_current(&request.head.headers, version.etag, version.modified_at) =>
        {
            match range::resolve(range, version.size) {
                Wanted::Whole => Ok(Piece::of(0..version.size, false)),
                Wanted::Part(bytes) => Ok(Piece::of(bytes, true)),
                Wanted::Unsatisfiable => Err(unsatisfiable(range, version.size)),
            }
        }
        (None, _) => Ok(Piece::of(0..version.size, false)),
    }
}

fn unsatisfiable(range: &str, size: u64) -> S3Error {
    let error =
        S3Error::new(Code::InvalidRange).field("RangeRequested", range).field("ActualObjectSize", size.to_string());
    match HeaderValue::try_from(format!("bytes */{size}")) {
        Ok(value) => error.header(header::CONTENT_RANGE, value),
        Err(_) => error,
    }
}

/// One part of an object that was uploaded in parts; an object that came whole is its own part 1.
async fn part(request: &S3Request, version: &Version, number: &str) -> Result<Piece, S3Error> {
    let wanted = number.parse().ok().and_then(|n| PartNumber::new(n).ok()).ok_or_else(|| {
        let message = "Part number must be an integer between 1 and 10000, inclusive";
        S3Error::argument(message, "partNumber", number)
    })?;
    if version.etag.parts.is_none() {
        return if wanted.get() == 1 { Ok(Piece::of(0..version.size, true)) } else { Err(no_such_part(number, 1)) };
    }
    let parts = request.state.objects.version_parts(version).await?;
    let at = parts.iter().position(|part| part.number == wanted).ok_or_else(|| no_such_part(number, parts.len()))?;
    let start: u64 = parts[..at].iter().map(|part| part.size).sum();
    let bytes = start..start + parts[at].size;
    Ok(Piece { bytes, partial: true, parts: Some(parts.len()), part_checksum: parts[at].checksum.clone() })
}

fn no_such_part(number: &str, count: usize) -> S3Error {
    let error = S3Error::new(Code::InvalidPartNumber).field("PartNumberRequested", number);
    error.field("ActualPartCount", count.to_string())
}

/// Only a value that covers exactly the bytes sent is shown, since clients verify it against them.
fn show_checksum(version: &Version, piece: &Piece, headers: &mut HeaderMap) {
    if let Some(checksum) = &piece.part_checksum {
        checksums::write_value(checksum, None, headers);
        checksums::write_kind(version.checksum.as_ref(), headers);
    } else if !piece.partial || piece.bytes == (0..version.size) {
        checksums::write_headers(version.checksum.as_ref(), version.etag.parts, headers);
    }
}
