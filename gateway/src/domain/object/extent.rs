//! Extents: where the bytes of a version or a part lie.

use codec::BlobId;

/// A byte range of a blob's content that belongs to a version or a part. A version is an ordered list of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent {
    /// The blob.
    pub blob: BlobId,
    /// First byte, counted in the blob's content.
    pub offset: u64,
    /// Number of bytes; never zero.
    pub length: u64,
}
