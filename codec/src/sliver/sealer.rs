//! Makes a sliver's footer, whoever makes its blocks: an encoder, or a repair that has no key.

use bytes::Bytes;

use super::SliverHeader;
use super::footer::write;
use super::root::root_over;
use crate::merkle::{Hash, leaf, top};
use crate::{BlobLayout, Root};

/// The end of a sliver, and what the metadata must keep of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedFooter {
    /// The footer's bytes.
    pub bytes: Bytes,
    /// The sliver's root.
    pub root: Root,
}

/// Collects the leaves of one sliver's blocks, in order.
#[derive(Clone, Debug)]
pub struct SliverSealer {
    header: SliverHeader,
    leaves: Vec<Hash>,
}

impl SliverSealer {
    /// A sealer for the sliver that has this header.
    #[must_use]
    pub fn new(header: SliverHeader) -> Self {
        Self { header, leaves: Vec::new() }
    }

    /// The next block.
    pub fn push_block(&mut self, block: &[u8]) {
        self.leaves.push(leaf(block));
    }

    /// The next block's leaf, where it is already known.
    pub(crate) fn push_leaf(&mut self, leaf: Hash) {
        self.leaves.push(leaf);
    }

    /// The footer. The lengths are the blob's; a repair compares the root with the one that is recorded.
    #[must_use]
    pub fn seal(self, content_len: u64, catalog_len: u32) -> SealedFooter {
        let layout = BlobLayout { shape: self.header.shape, content_len, catalog_len };
        let root = root_over(&self.header.digest(), &layout, &top(&self.leaves));
        SealedFooter { bytes: Bytes::from(write(&layout, &self.leaves, &root)), root }
    }
}
