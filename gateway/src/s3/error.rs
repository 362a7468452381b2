//! The error type of the S3 API, and the only place that translates the errors of the layers below to S3 codes.
//!
//! A 5xx never carries internals to the client: the cause goes to `internal`, which is logged beside the
//! request id.

mod code;

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, StatusCode, header};

pub use code::Code;

use crate::domain::DamagedSetting;
use crate::metadata::MetadataError;
use crate::objects::{BodyError, KeyProviderError, ObjectsError};

/// Why a request is refused, as the client gets to see it.
#[derive(Clone, Debug)]
pub struct S3Error {
    /// The error code.
    pub code: Code,
    /// The message.
    pub message: Cow<'static, str>,
    /// More elements of the XML body, in order (`<Region>`, `<ServerTime>`, ...).
    pub fields: Vec<(&'static str, String)>,
    /// Headers of the reply (`Retry-After`, `x-amz-delete-marker`, ...).
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The request's body is not worth draining: close the connection after the reply.
    pub close: bool,
    /// The internal cause, for the log only.
    pub internal: Option<String>,
}

impl S3Error {
    /// An error with Amazon's usual text.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self {
            code,
            message: Cow::Borrowed(code.text()),
            fields: Vec::new(),
            headers: Vec::new(),
            close: false,
            internal: None,
        }
    }

    /// An error with a text of its own.
    #[must_use]
    pub fn with(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), ..Self::new(code) }
    }

    /// `InvalidArgument` about one argument, with `<ArgumentName>` and `<ArgumentValue>`.
    #[must_use]
    pub fn argument(message: impl Into<Cow<'static, str>>, name: &str, value: &str) -> Self {
        Self::with(Code::InvalidArgument, message).field("ArgumentName", name).field("ArgumentValue", value)
    }

    /// `InternalError`; the text goes to the log, never to the client.
    #[must_use]
    pub fn internal(what: impl Into<String>) -> Self {
        Self { internal: Some(what.into()), ..Self::new(Code::InternalError) }
    }

    /// `SlowDown` with `Retry-After`: nothing happened, the same request may succeed soon. The text goes to the log.
    #[must_use]
    pub fn unavailable(what: impl Into<String>) -> Self {
        let error = Self::with(Code::SlowDown, "Please reduce your request rate.");
        Self { internal: Some(what.into()), ..error.header(header::RETRY_AFTER, HeaderValue::from_static("1")) }
    }

    /// Adds an element to the XML body.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Adds an element to the XML body, unless one of that name is there.
    #[must_use]
    pub fn field_if_absent(self, name: &'static str, value: impl Into<String>) -> Self {
        if self.fields.iter().any(|(present, _)| *present == name) { self } else { self.field(name, value) }
    }

    /// Names the condition of a write that did not hold, or that something else came between, where nothing named one yet.
    #[must_use]
    pub fn because_of(self, condition: Option<&'static str>) -> Self {
        let is_about_one = matches!(self.code, Code::PreconditionFailed | Code::ConditionalRequestConflict);
        match condition {
            Some(name) if is_about_one && self.fields.is_empty() => self.field("Condition", name),
            _ => self,
        }
    }

    /// Adds a header to the reply.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Asks for the connection to be closed after the reply.
    #[must_use]
    pub const fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// The status of the reply.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.code.status()
    }
}

impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.message)?;
        self.internal.as_ref().map_or(Ok(()), |internal| write!(f, " ({internal})"))
    }
}

impl std::error::Error for S3Error {}

impl From<Code> for S3Error {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<BodyError> for S3Error {
    fn from(error: BodyError) -> Self {
        let refused = match error {
            BodyError::Incomplete => Self::new(Code::IncompleteBody),
            BodyError::BadChunkSignature => Self::new(Code::SignatureDoesNotMatch),
            BodyError::BadChunking(_) => Self::with(Code::InvalidRequest, error.to_string()),
            BodyError::BadTrailer(_) => Self::with(Code::MalformedTrailerError, error.to_string()),
            BodyError::TooSlow => Self::new(Code::RequestTimeout),
            BodyError::TooLarge => Self::new(Code::EntityTooLarge),
            BodyError::TooSmall => Self::new(Code::EntityTooSmall),
            BodyError::Source(why) => return Self::unavailable(why),
            BodyError::Busy => Self::unavailable(error.to_string()),
        };
        // Where the next request would begin on this connection is unknown or not worth reading up to.
        refused.closing()
    }
}

impl From<ObjectsError> for S3Error {
    fn from(error: ObjectsError) -> Self {
        match error {
            ObjectsError::NoSuchBucket => Self::new(Code::NoSuchBucket),
            ObjectsError::NoSuchKey => Self::new(Code::NoSuchKey),
            ObjectsError::SourceGone => Self::unavailable(error.to_string()),
            ObjectsError::NoSuchVersion => Self::new(Code::NoSuchVersion),
            ObjectsError::IsMarker => Self::new(Code::MethodNotAllowed)
                .header(header::ALLOW, HeaderValue::from_static("DELETE"))
                .header(HeaderName::from_static("x-amz-delete-marker"), HeaderValue::from_static("true")),
            ObjectsError::Locked => {
                Self::with(Code::AccessDenied, "Access Denied because object protected by object lock.")
            }
            ObjectsError::NoObjectLock => {
                Self::with(Code::InvalidRequest, "Bucket is missing Object Lock Configuration")
            }
            ObjectsError::Versioned => Self::with(
                Code::InvalidRequest,
                "This operation is not supported in a bucket that is or was versioned.",
            ),
            ObjectsError::InvalidWriteOffset => Self::new(Code::InvalidWriteOffset),
            ObjectsError::Enciphered => Self::new(Code::NotImplemented),
            ObjectsError::TooManyParts => Self::new(Code::TooManyParts),
            ObjectsError::QuotaExceeded => Self::new(Code::QuotaExceeded),
            ObjectsError::NoSuchUpload => Self::new(Code::NoSuchUpload),
            ObjectsError::InvalidPart { number, etag } => {
                let error = Self::new(Code::InvalidPart).field("PartNumber", number.get().to_string());
                error.field("ETag", etag.map(|etag| etag.to_string()).unwrap_or_default())
            }
            ObjectsError::InvalidPartOrder => Self::new(Code::InvalidPartOrder),
            ObjectsError::PartTooSmall { number, etag, size, least } => Self::new(Code::EntityTooSmall)
                .field("ProposedSize", size.to_string())
                .field("MinSizeAllowed", least.to_string())
                .field("PartNumber", number.get().to_string())
                .field("ETag", etag.to_string()),
            ObjectsError::TooLarge => Self::new(Code::EntityTooLarge),
            ObjectsError::PreconditionFailed => Self::new(Code::PreconditionFailed),
            ObjectsError::ConditionConflict => Self::new(Code::ConditionalRequestConflict),
            ObjectsError::BadDigest(what) => {
                Self::with(Code::BadDigest, format!("The {what} you specified did not match the calculated checksum."))
            }
            ObjectsError::OtherSize { promised, actual } => Self::with(
                Code::InvalidRequest,
                format!(
                    "The provided 'x-amz-mp-object-size' header value {promised} does not match what was computed: {actual}"
                ),
            ),
            ObjectsError::BadContentMd5 { promised, calculated } => bad_content_md5(promised, calculated),
            ObjectsError::ContentSha256Mismatch => Self::new(Code::XAmzContentSHA256Mismatch),
            ObjectsError::InvalidRequest(why) => Self::with(Code::InvalidRequest, why),
            ObjectsError::ChecksumMismatch(actual) => Self::with(
                Code::BadDigest,
                format!("The {} you specified did not match the calculated checksum.", actual.algorithm),
            ),
            ObjectsError::KeyNeeded => Self::with(
                Code::InvalidRequest,
                "The object was stored using a form of Server Side Encryption. The correct parameters must be provided \
                 to retrieve the object.",
            ),
            ObjectsError::WrongKey => Self::with(
                Code::AccessDenied,
                "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.",
            ),
            ObjectsError::KeyNotApplicable => {
                Self::with(Code::InvalidRequest, "The encryption parameters are not applicable to this object.")
            }
            ObjectsError::KeyProvider(error) => error.into(),
            ObjectsError::Body(error) => error.into(),
            ObjectsError::Unavailable(why) => Self::unavailable(why),
            ObjectsError::Internal(why) => Self::internal(why),
        }
    }
}

fn bad_content_md5(promised: [u8; 16], calculated: [u8; 16]) -> S3Error {
    let message = "The Content-MD5 you specified did not match what we received.";
    let error = S3Error::with(Code::BadDigest, message).field("ExpectedDigest", hex::encode(promised));
    error.field("CalculatedDigest", STANDARD.encode(calculated))
}

impl From<DamagedSetting> for S3Error {
    fn from(error: DamagedSetting) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<KeyProviderError> for S3Error {
    fn from(error: KeyProviderError) -> Self {
        let text = error.to_string();
        match error {
            KeyProviderError::NotFound(_) | KeyProviderError::NoDefault => Self::with(Code::KmsNotFoundException, text),
            KeyProviderError::NotPermitted(_) => Self::with(Code::AccessDenied, text),
            KeyProviderError::NotConfigured => Self::with(Code::NotImplemented, text),
            KeyProviderError::Refused(_) => Self { internal: Some(text), ..Self::new(Code::KmsDisabledException) },
            KeyProviderError::Unavailable(_) => Self::unavailable(text),
        }
    }
}

impl From<MetadataError> for S3Error {
    fn from(error: MetadataError) -> Self {
        let what = error.to_string();
        match error {
            MetadataError::Unavailable(_)
            | MetadataError::Fenced
            | MetadataError::Unknown
            | MetadataError::Conflict => Self::unavailable(what),
            MetadataError::UnsafeSettings(_)
            | MetadataError::SchemaTooNew
            | MetadataError::Locked
            | MetadataError::Damaged(_) => Self::internal(what),
        }
    }
}
