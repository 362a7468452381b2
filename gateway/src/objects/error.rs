//! Errors of use cases, by what the caller should do.

use backends::failpoint::fails_at;

use crate::domain::{Checksum, ETag, PartNumber, Unmet};
use crate::metadata::{MetadataError, Refusal};
use crate::objects::encryption::key_provider::KeyProviderError;
use crate::objects::write::body_error::BodyError;

/// The outcome of a use case that did not succeed. `s3::error` translates it to S3 codes, nothing else does.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// `NoSuchBucket`.
    #[error("the specified bucket does not exist")]
    NoSuchBucket,
    /// `NoSuchKey`.
    #[error("the specified key does not exist")]
    NoSuchKey,
    /// What is copied was replaced or deleted meanwhile, or its bytes moved to another blob: read it again.
    #[error("the source of a copy moved while it was copied")]
    SourceGone,
    /// `NoSuchVersion`.
    #[error("the specified version does not exist")]
    NoSuchVersion,
    /// `MethodNotAllowed`: the version that was named is a delete marker.
    #[error("the specified method is not allowed against a delete marker")]
    IsMarker,
    /// `AccessDenied`: a retention or a legal hold forbids it.
    #[error("access denied because the object is protected by object lock")]
    Locked,
    /// `InvalidRequest`: a lock is asked for in a bucket without object lock.
    #[error("bucket is missing object lock configuration")]
    NoObjectLock,
    /// `InvalidRequest`: not supported in a bucket that is or was versioned.
    #[error("this operation is not supported in versioned buckets")]
    Versioned,
    /// `InvalidWriteOffset`.
    #[error("the write offset does not match the current size of the object")]
    InvalidWriteOffset,
    /// `NotImplemented`: nothing is appended to what a key of the client or of a key service enciphers.
    #[error("nothing can be appended to an object that is encrypted with a key of its own")]
    Enciphered,
    /// `TooManyParts`.
    #[error("the object would have too many parts")]
    TooManyParts,
    /// `QuotaExceeded`.
    #[error("the bucket's quota is exceeded")]
    QuotaExceeded,
    /// `NoSuchUpload`.
    #[error("the specified multipart upload does not exist")]
    NoSuchUpload,
    /// `InvalidPart`: a part named in Complete is missing or has another ETag or checksum.
    #[error("one or more of the specified parts could not be found or did not match")]
    InvalidPart {
        /// The part.
        number: PartNumber,
        /// The tag that the client named, if it is one.
        etag: Option<ETag>,
    },
    /// `InvalidPartOrder`.
    #[error("the list of parts was not in ascending order")]
    InvalidPartOrder,
    /// `EntityTooSmall`: a part other than the last has less than 5 MiB.
    #[error("your proposed upload is smaller than the minimum allowed size")]
    PartTooSmall {
        /// The part.
        number: PartNumber,
        /// Its tag.
        etag: ETag,
        /// Its size, in bytes.
        size: u64,
        /// The least it may have, in bytes.
        least: u64,
    },
    /// `EntityTooLarge`.
    #[error("your proposed upload exceeds the maximum allowed size")]
    TooLarge,
    /// `PreconditionFailed`.
    #[error("at least one of the preconditions you specified did not hold")]
    PreconditionFailed,
    /// `ConditionalRequestConflict` (409): a competing write won while this one was under way.
    #[error("a conflicting conditional operation is in progress against this resource")]
    ConditionConflict,
    /// `BadDigest`: Content-MD5 or a checksum does not match the bytes.
    #[error("the {0} you specified did not match the calculated checksum")]
    BadDigest(&'static str),
    /// `InvalidRequest`: the parts have another size than Complete promised.
    #[error("the parts have {actual} bytes, not {promised}")]
    OtherSize {
        /// What the client said.
        promised: u64,
        /// What the parts have.
        actual: u64,
    },
    /// `BadDigest`: Content-MD5 is that of other bytes.
    #[error("the Content-MD5 does not match the content")]
    BadContentMd5 {
        /// What the client said.
        promised: [u8; 16],
        /// What its bytes have.
        calculated: [u8; 16],
    },
    /// `XAmzContentSHA256Mismatch`.
    #[error("the provided 'x-amz-content-sha256' header does not match what was computed")]
    ContentSha256Mismatch,
    /// `InvalidRequest` with this text.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// The checksum type or value given to Complete is not the upload's (`BadDigest` / `InvalidRequest`).
    #[error("the object's checksum is another")]
    ChecksumMismatch(Box<Checksum>),
    /// The object is encrypted with the client's key, which did not come with the request (`InvalidRequest`).
    #[error("the object was stored using a form of Server Side Encryption whose key must be provided")]
    KeyNeeded,
    /// The client's key is not the one the object was encrypted with (`AccessDenied`).
    #[error("the key is not the one the object was encrypted with")]
    WrongKey,
    /// A client's key came for something that is not encrypted with one (`InvalidRequest`).
    #[error("the encryption parameters are not applicable to this object")]
    KeyNotApplicable,
    /// What the key service says.
    #[error(transparent)]
    KeyProvider(#[from] KeyProviderError),
    /// The body broke off or was not what it claimed to be.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// 503 with Retry-After: too few backends answer, no memory is free in time, or the database is unavailable. Nothing
    /// became visible.
    #[error("please reduce your request rate or retry later: {0}")]
    Unavailable(String),
    /// 500: a defect or damaged metadata; the text is for the log only.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Where a test may end the process, or let a use case fail.
pub(crate) fn fail_at(point: &'static str) -> Result<(), ObjectsError> {
    if fails_at(point) { Err(ObjectsError::Unavailable(format!("the test wants it at {point}"))) } else { Ok(()) }
}

impl From<MetadataError> for ObjectsError {
    fn from(error: MetadataError) -> Self {
        match error {
            MetadataError::Conflict => Self::ConditionConflict,
            MetadataError::Damaged(reason) => Self::Internal(reason),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<Refusal> for ObjectsError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoSuchBucket => Self::NoSuchBucket,
            Refusal::NoSuchKey => Self::NoSuchKey,
            Refusal::SourceGone => Self::SourceGone,
            Refusal::NoSuchUpload => Self::NoSuchUpload,
            Refusal::PreconditionFailed => Self::PreconditionFailed,
            Refusal::KeyChanged => Self::ConditionConflict,
            Refusal::NoSuchVersion => Self::NoSuchVersion,
            Refusal::IsMarker => Self::IsMarker,
            Refusal::Locked => Self::Locked,
            Refusal::NoObjectLock => Self::NoObjectLock,
            Refusal::QuotaExceeded => Self::QuotaExceeded,
            Refusal::Versioned => Self::Versioned,
            Refusal::InvalidWriteOffset => Self::InvalidWriteOffset,
            Refusal::TooManyParts => Self::TooManyParts,
            Refusal::Enciphered => Self::Enciphered,
        }
    }
}

impl From<Unmet> for ObjectsError {
    fn from(unmet: Unmet) -> Self {
        match unmet {
            Unmet::NoSuchKey => Self::NoSuchKey,
            Unmet::PreconditionFailed => Self::PreconditionFailed,
        }
    }
}
