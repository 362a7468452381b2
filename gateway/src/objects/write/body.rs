//! The body of an upload as the use cases see it: verified frames, then what the trailer said.

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::{Checksum, ChecksumAlgorithm, Peer};
use crate::objects::write::body_error::BodyError;

/// A stream of content bytes, already freed of any framing and with every chunk signature verified.
#[async_trait]
pub trait IncomingBody: Send {
    /// The next bytes; `None` at the end. After an error or the end it is not called again.
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError>;

    /// The checksum the trailer carried. Meaningful only after the end.
    fn trailing_checksum(&mut self) -> Option<(ChecksumAlgorithm, Vec<u8>)>;

    /// Whose share of the memory for writes it waits in; nobody's, where it comes from this machine.
    fn peer(&self) -> Option<Peer> {
        None
    }
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
    /// The algorithm of the checksum to keep, when it is not that of the one that is sent: the default of an upload that was
    /// created without one, or that of the object to which content is appended.
    pub kept: Option<ChecksumAlgorithm>,
    /// The trailer announced a checksum: it must come.
    pub trailer_required: bool,
}

impl BodyPromise {
    /// The algorithm that the client sends a value of, or asks for.
    #[must_use]
    pub fn sent_algorithm(&self) -> Option<ChecksumAlgorithm> {
        self.checksum.as_ref().map(|sum| sum.algorithm).or(self.algorithm)
    }
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
