//! Proving a sliver while it arrives from a sender that is not believed: what a storage node does.

use std::ops::Range;

use super::leaf_hasher::LeafHasher;
use super::{FOOTER_TAIL_BYTES, FooterTail, HEADER_BYTES, LEAF_BYTES, SelfDescribed, SliverError, SliverHeader};
use crate::stripe::StripeCut;
use crate::{STRIPES_MAX, StripeShape};

/// Takes a sliver's bytes in any portions, without knowing how many will come. Blocks are hashed as if every one were full, for only
/// the last may be short and where it lies is known from the very end; that one, and the footer, are read a second time from where
/// the bytes were put. Holds the header and a hash for each block.
pub struct IncomingSliver {
    header_bytes: Vec<u8>,
    header: Option<SliverHeader>,
    blocks: LeafHasher,
    seen: u64,
    len_max: u64,
}

impl Default for IncomingSliver {
    fn default() -> Self {
        Self {
            header_bytes: Vec::with_capacity(HEADER_BYTES),
            header: None,
            blocks: LeafHasher::new(0),
            seen: 0,
            len_max: u64::MAX,
        }
    }
}

impl IncomingSliver {
    /// The next bytes. Gives the header when these complete it: whoever knows which sliver it should be looks at it now.
    ///
    /// # Errors
    /// [`SliverError`] when the header is none, or when more came than a sliver with that header can have.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Option<&SliverHeader>, SliverError> {
        self.seen = self.seen.saturating_add(bytes.len() as u64);
        let mut completed = false;
        if self.header.is_none() {
            let (now, rest) = bytes.split_at((HEADER_BYTES - self.header_bytes.len()).min(bytes.len()));
            self.header_bytes.extend_from_slice(now);
            if self.header_bytes.len() < HEADER_BYTES {
                return Ok(None);
            }
            let header = SliverHeader::parse(&self.header_bytes)?;
            self.blocks = LeafHasher::new(full_block(&header.shape));
            self.len_max = len_max(&header.shape);
            self.header = Some(header);
            completed = true;
            bytes = rest;
        }
        if self.seen > self.len_max {
            return Err(SliverError::Length { expected: self.len_max, actual: self.seen });
        }
        if let Some(header) = &self.header {
            self.blocks.push(bytes, |_| full_block(&header.shape));
        }
        Ok(self.header.as_ref().filter(|_| completed))
    }

    /// Bytes so far.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Bytes that [`Self::settle`] reads at once at most: its last block, or its footer.
    #[must_use]
    pub fn settle_bytes(&self) -> u64 {
        let block = self.header.as_ref().map_or(0, |header| full_block(&header.shape) as u64);
        let footer = FOOTER_TAIL_BYTES + LEAF_BYTES * (self.blocks.leaves().len() + 1);
        block.max(footer as u64).min(self.seen)
    }

    /// Settles it. `read` gives bytes of the sliver a second time, exactly the range: the last 96, the footer, and the last block if
    /// that one is short.
    ///
    /// # Errors
    /// [`SliverError`] as `E`: what does not fit, from the outside in; and what `read` fails with.
    pub fn settle<E: From<SliverError>>(
        self,
        mut read: impl FnMut(Range<u64>) -> Result<Vec<u8>, E>,
    ) -> Result<SelfDescribed, E> {
        let header = self.header.ok_or(SliverError::NotASliver)?;
        let tail_start = self.seen.checked_sub(FOOTER_TAIL_BYTES as u64).ok_or(SliverError::NotASliver)?;
        let footer_len = FooterTail::parse(&read(tail_start..self.seen)?)?.footer_len();
        let footer_start = self.seen.checked_sub(footer_len).ok_or(SliverError::Damaged("number of stripes"))?;
        let footer = read(footer_start..self.seen)?;
        let described = SelfDescribed::parse(&self.header_bytes, &footer, self.seen)?;
        let layout = described.identity.layout;
        let mut damaged = None;
        for stripe in 0..layout.stripes() {
            let hashed = if layout.block_len(stripe) == full_block(&header.shape) {
                usize::try_from(stripe).is_ok_and(|at| self.blocks.leaves().get(at) == described.footer.leaf(stripe))
            } else {
                described.footer.block_is_genuine(stripe, &read(layout.block_range(stripe))?)
            };
            if !hashed {
                let (first, count) = damaged.unwrap_or((stripe, 0));
                damaged = Some((first, count + 1));
            }
        }
        match damaged {
            None => Ok(described),
            Some((first, count)) => Err(SliverError::Blocks { first, count }.into()),
        }
    }
}

/// Bytes of a full block: at least 64.
fn full_block(shape: &StripeShape) -> usize {
    StripeCut::new(shape, shape.stripe_bytes()).block_len()
}

/// No sliver of this shape is longer.
fn len_max(shape: &StripeShape) -> u64 {
    let (blocks, leaf) = (u64::from(STRIPES_MAX), LEAF_BYTES as u64);
    blocks * (full_block(shape) as u64 + leaf) + HEADER_BYTES as u64 + FOOTER_TAIL_BYTES as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BlobId, BlobKey, BlobKeys, ClusterId, ClusterKey, Root, encode_blob};

    fn sliver(shape: StripeShape, len: usize) -> (Vec<u8>, Root) {
        let (blob, key) = (BlobId([2; 16]), BlobKey::from_bytes([3; 32]));
        let keys = BlobKeys { key: &key, wrapped: ClusterKey::new(1, [4; 32]).wrap(&blob, &key, [5; 12]) };
        let encoded = encode_blob(ClusterId([1; 16]), blob, shape, keys, &vec![7; len], b"").unwrap();
        (encoded.slivers[1].parts.concat(), encoded.slivers[1].root)
    }

    fn judge(bytes: &[u8], portion: usize) -> Result<Root, SliverError> {
        let mut incoming = IncomingSliver::default();
        for part in bytes.chunks(portion) {
            incoming.push(part)?;
        }
        let range = |range: Range<u64>| range.start as usize..range.end as usize;
        incoming.settle(|wanted| Ok(bytes[range(wanted)].to_vec())).map(|described| described.root)
    }

    #[test]
    fn slivers_of_every_length_pass_in_any_portions() {
        for shape in
            [StripeShape::new("rs-2-1".parse().unwrap(), 64, 2).unwrap(), StripeShape::quilt("copy-3".parse().unwrap())]
        {
            let stripe = shape.stripe_bytes();
            for len in [0, 1, 63, stripe - 1, stripe, stripe + 1, 2 * stripe, 40 * stripe + 5] {
                let (bytes, root) = sliver(shape, len);
                for portion in [1_usize, 255, 256, 257, 1 << 20] {
                    assert_eq!(judge(&bytes, portion.max(bytes.len() / 5000)), Ok(root), "{len} bytes by {portion}");
                }
            }
        }
    }

    #[test]
    fn a_change_anywhere_is_found_and_so_is_a_missing_or_an_added_byte() {
        let (bytes, _) = sliver(StripeShape::new("rs-2-1".parse().unwrap(), 64, 2).unwrap(), 300);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(judge(&changed, 100).is_err(), "byte {at}");
            assert!(judge(&bytes[..at], 100).is_err(), "cut at {at}");
        }
        assert!(judge(&[&bytes[..], b"x"].concat(), 100).is_err(), "a byte more");
        let mut changed = bytes.clone();
        changed[300] ^= 1;
        assert_eq!(judge(&changed, 7), Err(SliverError::Blocks { first: 0, count: 1 }));
        assert_eq!(judge(b"", 1), Err(SliverError::NotASliver));
    }

    #[test]
    fn the_header_is_shown_once_and_what_is_none_is_refused_at_once() {
        let (bytes, _) = sliver(StripeShape::streaming("rs-2-1".parse().unwrap()), 10);
        let mut incoming = IncomingSliver::default();
        assert_eq!(incoming.push(&bytes[..255]), Ok(None));
        assert_eq!(incoming.push(&bytes[255..300]).unwrap().map(|header| header.index), Some(1));
        assert_eq!(incoming.push(&bytes[300..]), Ok(None));
        assert_eq!(IncomingSliver::default().push(&[0; 256]), Err(SliverError::NotASliver));
    }

    #[test]
    fn one_that_never_ends_is_refused() {
        let (bytes, _) = sliver(StripeShape::new("copy-2".parse().unwrap(), 2, 1).unwrap(), 2);
        let mut incoming = IncomingSliver::default();
        incoming.push(&bytes[..256]).unwrap();
        let endless = vec![0; 1 << 20];
        assert!((0..16).any(|_| incoming.push(&endless).is_err()));
    }
}
