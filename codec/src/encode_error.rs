//! Why a blob could not be encoded.

use aws_lc_rs::error::Unspecified;

use crate::ShapeError;
use crate::layout::STRIPES_MAX;

/// Why a blob could not be encoded. All but `TooLong` are mistakes of the caller.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EncodeError {
    /// The shape cannot be used.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A stripe of the wrong length: only the last may be short, and none may be empty.
    #[error("a stripe of {actual} bytes where {expected} are expected")]
    StripeLength {
        /// Bytes of a full stripe.
        expected: usize,
        /// Bytes given.
        actual: usize,
    },
    /// A stripe after the last.
    #[error("a stripe after the last one")]
    AfterLast,
    /// The blob was finished before its last stripe, or the lengths do not add up to what was encoded.
    #[error("finished at {encoded} bytes of payload with lengths that say {stated}")]
    Lengths {
        /// Bytes of payload that went in.
        encoded: u64,
        /// Content and catalog lengths together.
        stated: u64,
    },
    /// More stripes than a blob may have: begin another blob.
    #[error("a blob has at most {STRIPES_MAX} stripes")]
    TooLong,
    /// Blocks that are not k, of equal length, a multiple of 64 bytes.
    #[error("wrong number or length of blocks to encode")]
    Blocks,
    /// The coder refused what was checked above: a defect of this build.
    #[error("the erasure coder failed: {0}")]
    Coder(reed_solomon_simd::Error),
    /// The cipher refused a chunk: a defect of this build.
    #[error("the cipher failed")]
    Cipher,
}

impl From<Unspecified> for EncodeError {
    fn from(_: Unspecified) -> Self {
        Self::Cipher
    }
}
