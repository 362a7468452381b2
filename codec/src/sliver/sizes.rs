//! The version of the format and the sizes of its parts.

use crate::merkle::HASH_BYTES;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 256;
/// The format that this version writes and reads.
pub(super) const FORMAT_VERSION: u16 = 1;
/// Bytes of the fixed part that ends a footer, and a sliver.
pub const FOOTER_TAIL_BYTES: usize = 96;
/// Bytes that each stripe adds to the footer.
pub(crate) const LEAF_BYTES: usize = HASH_BYTES;
