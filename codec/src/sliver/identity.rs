//! What the metadata knows of a sliver, apart from its root.

use bytes::Bytes;

use super::root::root_over;
use super::{SliverError, SliverHeader};
use crate::merkle::{Hash, MerkleProof, leaf, top_from_proof};
use crate::{BlobId, BlobLayout, ClusterId, Root, WrappedKey};

/// Which sliver something should be. From this alone its header and the place of every byte follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliverIdentity {
    /// The cluster.
    pub cluster: ClusterId,
    /// The blob.
    pub blob: BlobId,
    /// Which of the blob's n slivers.
    pub index: u8,
    /// Shape and lengths of the blob.
    pub layout: BlobLayout,
    /// The blob's data key, wrapped.
    pub wrapped_key: WrappedKey,
}

impl SliverIdentity {
    /// The header that the sliver must have.
    #[must_use]
    pub fn header(&self) -> SliverHeader {
        SliverHeader {
            cluster: self.cluster,
            blob: self.blob,
            index: self.index,
            shape: self.layout.shape,
            wrapped_key: self.wrapped_key,
        }
    }

    /// The bytes of that header.
    #[must_use]
    pub fn header_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(&self.header().to_bytes())
    }

    /// Whether a block, with a proof by somebody else, is the sliver's block of this stripe. Needs no footer.
    #[must_use]
    pub fn block_is_proven(&self, root: &Root, stripe: u32, block: &[u8], proof: &MerkleProof) -> bool {
        let (Ok(stripe), Ok(stripes)) = (usize::try_from(stripe), usize::try_from(self.layout.stripes())) else {
            return false;
        };
        top_from_proof(&leaf(block), stripe, stripes, proof).is_some_and(|top| self.root_over(&top) == *root)
    }

    /// The root of this sliver if its blocks have this top.
    pub(crate) fn root_over(&self, top: &Hash) -> Root {
        root_over(&self.header().digest(), &self.layout, top)
    }

    /// That these are the bytes of this sliver's header.
    ///
    /// # Errors
    /// [`SliverError::Foreign`] when it is a sound header of another sliver, else what is wrong with it.
    pub fn check_header(&self, header: &[u8]) -> Result<(), SliverError> {
        let expected = self.header();
        if header == expected.to_bytes() {
            return Ok(());
        }
        let found = SliverHeader::parse(header)?;
        Err(SliverError::Foreign(match found {
            _ if found.cluster != expected.cluster => "cluster",
            _ if found.blob != expected.blob => "blob",
            _ if found.index != expected.index => "index",
            _ if found.shape != expected.shape => "stripe shape",
            _ if found.wrapped_key != expected.wrapped_key => "wrapped key",
            _ => "header length",
        }))
    }
}
