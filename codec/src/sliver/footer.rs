//! The last bytes of a sliver: lengths, a leaf for each block, the root.

use std::ops::Range;

use super::fields::Fields;
use super::root::root_over;
use super::sizes::{FOOTER_TAIL_BYTES, LEAF_BYTES};
use super::{SliverError, SliverIdentity};
use crate::merkle::{HASH_BYTES, Hash, MerkleProof, leaf, prove, top};
use crate::{BlobLayout, Root, STRIPES_MAX};

const END_MAGIC: [u8; 8] = *b"HAULTAIL";
/// Where the checksum lies in the tail: it covers the leaves and all of the tail before it.
const CHECKSUM: Range<usize> = 56..88;
const FOOTER_KEY: &Hash = b"Haulout v1 sliver: footer digest";

/// What the fixed part at the end says of the blob. It is where reading begins when nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FooterTail {
    /// Bytes of content.
    pub content_len: u64,
    /// Bytes of catalog.
    pub catalog_len: u32,
    /// Number of stripes, and of leaves before the tail; at most [`STRIPES_MAX`].
    pub stripes: u32,
    /// The root as the sliver claims it.
    pub root: Root,
}

impl FooterTail {
    /// Reads the last [`FOOTER_TAIL_BYTES`] of a sliver of which nothing is known. Any bytes may be given. What it says is not yet
    /// proven: the checksum also covers the leaves before it.
    ///
    /// # Errors
    /// [`SliverError::NotASliver`] or [`SliverError::Damaged`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SliverError> {
        let tail: &[u8; FOOTER_TAIL_BYTES] = bytes.last_chunk().ok_or(SliverError::NotASliver)?;
        if tail[CHECKSUM.end..] != END_MAGIC {
            return Err(SliverError::NotASliver);
        }
        let mut fields = Fields::new(tail);
        let parsed = Self {
            content_len: fields.u64(),
            catalog_len: fields.u32(),
            stripes: fields.u32(),
            root: Root(fields.bytes()),
        };
        if parsed.stripes > STRIPES_MAX {
            return Err(SliverError::Damaged("number of stripes"));
        }
        if fields.u64() != 0 {
            return Err(SliverError::Damaged("reserved bytes"));
        }
        Ok(parsed)
    }

    /// Bytes of the whole footer: where to begin reading it, counted from the end of the sliver.
    #[must_use]
    pub fn footer_len(&self) -> u64 {
        u64::from(self.stripes) * LEAF_BYTES as u64 + FOOTER_TAIL_BYTES as u64
    }
}

/// A footer that has been proven: each block can now be judged by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    leaves: Vec<Hash>,
}

impl Footer {
    /// Reads a sliver's footer and proves it against the root that the metadata recorded.
    ///
    /// # Errors
    /// [`SliverError`]: what is wrong with header or footer.
    pub fn parse(identity: &SliverIdentity, header: &[u8], footer: &[u8], root: &Root) -> Result<Self, SliverError> {
        identity.check_header(header)?;
        let range = identity.layout.footer_range();
        let (expected, actual) = (range.end - range.start, footer.len() as u64);
        if actual != expected {
            return Err(SliverError::Length { expected, actual });
        }
        let (tail, leaves) = parse_checked(footer)?;
        if (tail.content_len, tail.catalog_len) != (identity.layout.content_len, identity.layout.catalog_len) {
            return Err(SliverError::Foreign("length"));
        }
        if root_over(&identity.header().digest(), &identity.layout, &top(&leaves)) != *root {
            return Err(SliverError::Root);
        }
        // The tail repeats the root; a checksum that fits another root was not written by a sealer.
        if tail.root != *root { Err(SliverError::Damaged("root")) } else { Ok(Self { leaves }) }
    }

    /// Whether these bytes are the sliver's block of this stripe.
    #[must_use]
    pub fn block_is_genuine(&self, stripe: u32, block: &[u8]) -> bool {
        self.leaf(stripe).is_some_and(|expected| leaf(block) == *expected)
    }

    /// A proof of one block for somebody who has only the root; none for a stripe that does not exist.
    #[must_use]
    pub fn prove(&self, stripe: u32) -> Option<MerkleProof> {
        let index = usize::try_from(stripe).ok().filter(|index| *index < self.leaves.len())?;
        Some(prove(&self.leaves, index))
    }

    pub(super) fn leaf(&self, stripe: u32) -> Option<&Hash> {
        self.leaves.get(usize::try_from(stripe).ok()?)
    }

    pub(super) fn of_leaves(leaves: Vec<Hash>) -> Self {
        Self { leaves }
    }
}

/// A footer that is consistent in itself; nothing is proven but that it was not damaged by chance.
pub(super) fn parse_checked(footer: &[u8]) -> Result<(FooterTail, Vec<Hash>), SliverError> {
    let tail = FooterTail::parse(footer)?;
    let actual = footer.len() as u64;
    if actual != tail.footer_len() {
        return Err(SliverError::Length { expected: tail.footer_len(), actual });
    }
    let (covered, rest) = footer.split_at(footer.len() - FOOTER_TAIL_BYTES + CHECKSUM.start);
    if rest[..HASH_BYTES] != *blake3::keyed_hash(FOOTER_KEY, covered).as_bytes() {
        return Err(SliverError::Damaged("footer"));
    }
    let (leaves, _) = footer[..footer.len() - FOOTER_TAIL_BYTES].as_chunks();
    Ok((tail, leaves.to_vec()))
}

/// The bytes of a footer.
pub(super) fn write(layout: &BlobLayout, leaves: &[Hash], root: &Root) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(leaves.len() * LEAF_BYTES + FOOTER_TAIL_BYTES);
    bytes.extend_from_slice(leaves.as_flattened());
    bytes.extend_from_slice(&layout.content_len.to_be_bytes());
    bytes.extend_from_slice(&layout.catalog_len.to_be_bytes());
    bytes.extend_from_slice(&layout.stripes().to_be_bytes());
    bytes.extend_from_slice(&root.0);
    bytes.extend_from_slice(&[0; 8]);
    let checksum = blake3::keyed_hash(FOOTER_KEY, &bytes);
    bytes.extend_from_slice(checksum.as_bytes());
    bytes.extend_from_slice(&END_MAGIC);
    bytes
}
