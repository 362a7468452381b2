//! The body of an upload as the use cases see it: verified frames, then what the trailer said.

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;

use crate::domain::{Checksum, ChecksumAlgorithm};
use crate::objects::read::object_reader::ObjectReader;

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The client went away or sent less than it announced (`IncompleteBody`).
    #[error("you did not provide the number of bytes specified by the Content-Length HTTP header")]
    Incomplete,
    /// A chunk's signature does not match (`SignatureDoesNotMatch`).
    #[error("the signature of a chunk does not match")]
    BadChunkSignature,
    /// The aws-chunked framing is broken (`InvalidRequest`); the text says where.
    #[error("the chunked encoding of the body is malformed: {0}")]
    BadChunking(&'static str),
    /// The trailer is missing, unknown or malformed (`MalformedTrailerError`).
    #[error("the trailer of the body is malformed: {0}")]
    BadTrailer(&'static str),
    /// The body was sent too slowly (`RequestTimeout`).
    #[error("your socket connection to the server was not read from or written to within the timeout period")]
    TooSlow,
    /// There is no memory to receive it now (503).
    #[error("too many bytes of signed chunks are in flight")]
    Busy,
    /// More bytes than the object may have (`EntityTooLarge`).
    #[error("your proposed upload exceeds the maximum allowed size")]
    TooLarge,
    /// What is being copied cannot be read to its end (503).
    #[error("the source cannot be read: {0}")]
    Source(String),
    /// Fewer bytes than a form's policy demands (`EntityTooSmall`).
    #[error("your proposed upload is smaller than the minimum allowed size")]
    TooSmall,
}

/// A stream of content bytes, already freed of any framing and with every chunk signature verified.
#[async_trait]
pub trait IncomingBody: Send {
    /// The next bytes; `None` at the end. After an error or the end it is not called again.
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError>;

    /// The checksum the trailer carried. Meaningful only after the end.
    fn trailing_checksum(&mut self) -> Option<(ChecksumAlgorithm, Vec<u8>)>;
}

/// What the request promises about its body. All of it must hold before anything becomes visible.
#[derive(Clone, Debug, Default)]
pub struct BodyPromise {
    /// Content bytes (`Content-Length`, or `x-amz-decoded-content-length`); unknown for plain chunked uploads.
    pub length: Option<u64>,
    /// `Content-MD5`.
    pub md5: Option<[u8; 16]>,
    /// `x-amz-content-sha256` when it is a digest.
    pub sha256: Option<[u8; 32]>,
    /// A `x-amz-checksum-*` header.
    pub checksum: Option<Checksum>,
    /// The algorithm to compute and keep when no value is sent in the head: announced by `x-amz-trailer` or
    /// `x-amz-sdk-checksum-algorithm`, or asked for when the upload was created.
    pub algorithm: Option<ChecksumAlgorithm>,
    /// The trailer announced a checksum: it must come.
    pub trailer_required: bool,
}

/// A body held in memory; for copies, empty parts and tests.
#[derive(Debug, Default)]
pub struct BytesBody(Option<Bytes>);

impl BytesBody {
    /// A body of these bytes.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self(Some(bytes).filter(|b| !b.is_empty()))
    }
}

#[async_trait]
impl IncomingBody for BytesBody {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        Ok(self.0.take())
    }

    fn trailing_checksum(&mut self) -> Option<(ChecksumAlgorithm, Vec<u8>)> {
        None
    }
}

/// What is read of one version is written as another.
#[async_trait]
impl IncomingBody for ObjectReader {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        StreamExt::next(self).await.transpose().map_err(|error| BodyError::Source(error.to_string()))
    }

    fn trailing_checksum(&mut self) -> Option<(ChecksumAlgorithm, Vec<u8>)> {
        None
    }
}
