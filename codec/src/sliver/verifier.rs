//! Checks a whole sliver as it streams by: deep checks, repairs, copies from backend to backend.

use super::leaf_hasher::LeafHasher;
use super::{FOOTER_TAIL_BYTES, Footer, HEADER_BYTES, SliverError, SliverIdentity};
use crate::Root;

/// Takes a sliver's bytes in any portions and says in the end whether all of it is genuine. Holds the header, the footer and a hash
/// for each block, however large the sliver.
pub struct SliverVerifier {
    identity: SliverIdentity,
    root: Root,
    header: Vec<u8>,
    footer: Vec<u8>,
    blocks: LeafHasher,
    seen: u64,
}

impl SliverVerifier {
    /// A verifier of the sliver that should be this one and have this root.
    #[must_use]
    pub fn new(identity: SliverIdentity, root: Root) -> Self {
        Self {
            identity,
            root,
            header: Vec::with_capacity(HEADER_BYTES),
            footer: Vec::with_capacity(FOOTER_TAIL_BYTES),
            blocks: LeafHasher::new(identity.layout.block_len(0)),
            seen: 0,
        }
    }

    /// The next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.seen = self.seen.saturating_add(bytes.len() as u64);
        let rest = fill(&mut self.header, HEADER_BYTES, bytes);
        // Zero after the last stripe.
        let rest = self.blocks.push(rest, |stripe| self.identity.layout.block_len(stripe));
        let footer = self.identity.layout.footer_range();
        let footer_len = usize::try_from(footer.end - footer.start).unwrap_or(usize::MAX);
        // What follows the footer is only counted.
        fill(&mut self.footer, footer_len, rest);
    }

    /// Whether the sliver was genuine, to the last byte.
    ///
    /// # Errors
    /// [`SliverError`]: the first reason why not, from the outside in: length, header, footer, root, blocks.
    pub fn finish(self) -> Result<(), SliverError> {
        let expected = self.identity.layout.sliver_len();
        if self.seen != expected {
            return Err(SliverError::Length { expected, actual: self.seen });
        }
        let footer = Footer::parse(&self.identity, &self.header, &self.footer, &self.root)?;
        let stripes = self.identity.layout.stripes();
        let mut damaged =
            (0..stripes).zip(self.blocks.leaves()).filter(|(stripe, leaf)| footer.leaf(*stripe) != Some(*leaf));
        match damaged.next() {
            None => Ok(()),
            Some((first, _)) => {
                let count = u32::try_from(damaged.count()).unwrap_or(u32::MAX).saturating_add(1);
                Err(SliverError::Blocks { first, count })
            }
        }
    }
}

/// Moves bytes into `buffer` until it has `len`, and returns the others.
fn fill<'a>(buffer: &mut Vec<u8>, len: usize, bytes: &'a [u8]) -> &'a [u8] {
    let (now, rest) = bytes.split_at((len - buffer.len()).min(bytes.len()));
    buffer.extend_from_slice(now);
    rest
}
