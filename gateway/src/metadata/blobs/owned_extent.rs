//! Extents with their owners, and moves of them.

use crate::domain::Extent;

/// Who owns extents: the id of a version, or an internal id of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtentOwner(pub [u8; 16]);

/// An extent with its place in its owner's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedExtent {
    /// Whose it is.
    pub owner: ExtentOwner,
    /// Position in the owner's list, from 0.
    pub ordinal: u32,
    /// Where its bytes lie.
    pub extent: Extent,
}

/// Replace an extent by one with the same content in another blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtentMove {
    /// The extent as it was read.
    pub from: OwnedExtent,
    /// Where the same bytes lie now.
    pub to: Extent,
}
