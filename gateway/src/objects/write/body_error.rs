//! What may be wrong with a body.

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
