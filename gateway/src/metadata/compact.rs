//! Moving the living extents out of quilts that are mostly holes.

use super::{MetadataStore, NewBlob, Result};
use crate::domain::{Extent, StoredBlob};

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

/// A quilt of which less than half is alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparseQuilt {
    /// The quilt.
    pub blob: StoredBlob,
    /// What is alive in it, ascending by offset.
    pub extents: Vec<OwnedExtent>,
}

/// Replace an extent by one with the same content in another blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtentMove {
    /// The extent as it was read.
    pub from: OwnedExtent,
    /// Where the same bytes lie now.
    pub to: Extent,
}

impl MetadataStore {
    /// Quilts of which less than half is alive and something is.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn sparse_quilts(&self, limit: usize) -> Result<Vec<SparseQuilt>> {
        todo!()
    }

    /// Commits new blobs and moves extents into them. An extent that is no longer what it was when it was read is left
    /// alone; answers for each move whether it was done.
    ///
    /// # Errors
    /// Nothing changed, unless it is [`super::MetadataError::Unknown`].
    pub async fn move_extents(
        &self, incarnation: u32, blobs: Vec<NewBlob>, moves: Vec<ExtentMove>,
    ) -> Result<Vec<bool>> {
        todo!()
    }
}
