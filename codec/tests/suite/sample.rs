//! Blobs to try things on.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use codec::{
    BlobId, BlobKey, BlobLayout, BlobOpener, ClusterId, ClusterKey, EncodedBlob, OpenError, Piece, Scheme,
    SliverIdentity, StripeShape, WrappedKey, encode_blob, reconstruct,
};
use proptest::prelude::*;

pub const CLUSTER: ClusterId = ClusterId(*b"a test's cluster");
pub const CLUSTER_KEY: [u8; 32] = *b"the cluster key of codec's tests";
pub const BLOB_KEY: [u8; 32] = *b"a key that seals one blob only.\n";

pub fn blob_id() -> BlobId {
    BlobId::new(7, *b"twelve bytes")
}

pub fn cluster_key() -> ClusterKey {
    ClusterKey::new(1, CLUSTER_KEY)
}

pub fn blob_key() -> BlobKey {
    BlobKey::from_bytes(BLOB_KEY)
}

pub fn wrapped_key() -> WrappedKey {
    cluster_key().wrap(&blob_id(), &blob_key(), *b"twelve nonce")
}

/// Bytes without any order in them, the same for the same seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 29)).to_le_bytes()[3]
    };
    (0..len).map(|_| next()).collect()
}

/// A blob whose slivers are plain vectors, so that tests can damage them.
pub struct Stored {
    pub layout: BlobLayout,
    pub payload: Vec<u8>,
    pub encoded: EncodedBlob,
    pub slivers: Vec<Vec<u8>>,
}

impl Stored {
    pub fn new(shape: StripeShape, content: &[u8], catalog: &[u8]) -> Self {
        let key = blob_key();
        let keys = codec::BlobKeys { key: &key, wrapped: wrapped_key() };
        let encoded = encode_blob(CLUSTER, blob_id(), shape, keys, content, catalog).unwrap();
        let slivers = encoded.slivers.iter().map(|sliver| sliver.parts.concat()).collect();
        Self { layout: encoded.layout, payload: [content, catalog].concat(), encoded, slivers }
    }

    pub fn identity(&self, index: usize) -> SliverIdentity {
        SliverIdentity {
            cluster: CLUSTER,
            blob: blob_id(),
            index: u8::try_from(index).unwrap(),
            layout: self.layout,
            wrapped_key: wrapped_key(),
        }
    }

    pub fn scheme(&self) -> Scheme {
        self.layout.shape.scheme
    }

    pub fn opener(&self) -> BlobOpener {
        BlobOpener::new(blob_id(), &blob_key(), self.layout)
    }

    /// The bytes of a range of a sliver.
    pub fn fetch(&self, index: usize, range: Range<u64>) -> &[u8] {
        &self.slivers[index][usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
    }

    /// Reads a range of the payload when these slivers are lost, as a gateway would: pieces from data slivers where they are, from
    /// reconstructed blocks where they are not.
    pub fn read(&self, range: Range<u64>, lost: &[usize]) -> Result<Vec<u8>, OpenError> {
        let opener = self.opener();
        let mut read = Vec::new();
        for piece in self.layout.pieces(range) {
            let parts = opener.open(&piece, self.sealed(&piece, lost))?;
            assert_eq!(parts.iter().map(Bytes::len).sum::<usize>(), piece.content_len());
            parts.iter().for_each(|part| read.extend_from_slice(part));
        }
        Ok(read)
    }

    fn sealed(&self, piece: &Piece, lost: &[usize]) -> BytesMut {
        if !lost.contains(&usize::from(piece.index)) {
            return self.fetch(piece.index.into(), piece.sliver_range.clone()).into();
        }
        let block = self.layout.block_range(piece.stripe);
        let present = (0..self.scheme().n()).filter(|index| !lost.contains(index));
        let have: Vec<(u8, &[u8])> =
            present.map(|index| (u8::try_from(index).unwrap(), self.fetch(index, block.clone()))).collect();
        let rebuilt = reconstruct(self.scheme(), &have, &[piece.index]).unwrap();
        rebuilt[0].1[piece.block_offset()..piece.block_offset() + piece.sealed_len()].into()
    }
}

/// Small shapes of all kinds: many stripes and odd ends in few bytes.
pub fn shapes() -> impl Strategy<Value = StripeShape> {
    let scheme = prop_oneof![
        (1_usize..=6, 1_usize..=4).prop_map(|(k, m)| Scheme::reed_solomon(k, m).unwrap()),
        (1_usize..=4).prop_map(|n| Scheme::copies(n).unwrap()),
    ];
    (scheme, 1_u32..=150, 1_u16..=4)
        .prop_map(|(scheme, half_chunk, chunks)| StripeShape::new(scheme, 2 * half_chunk, chunks).unwrap())
}

/// Blobs of up to some 3 KB, with and without a catalog.
pub fn blobs() -> impl Strategy<Value = Stored> {
    let lengths = prop_oneof![3 => 0_usize..=3000, 1 => 0_usize..=5];
    (shapes(), any::<u64>(), lengths, prop_oneof![Just(0_usize), 1_usize..=300])
        .prop_map(|(shape, seed, content, catalog)| Stored::new(shape, &noise(seed, content), &noise(!seed, catalog)))
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a blob of {:?}", self.layout)
    }
}

/// A range within a length, possibly empty.
pub fn range_within(len: u64, ends: (u16, u16)) -> Range<u64> {
    let place = |end: u16| len * u64::from(end) / u64::from(u16::MAX);
    place(ends.0.min(ends.1))..place(ends.0.max(ends.1))
}

/// Which slivers are lost: at most m, chosen by the seed.
pub fn losses(scheme: Scheme, seed: u64, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scheme.n()).collect();
    let keys = noise(seed, 8 * scheme.n());
    order.sort_by_key(|index| &keys[8 * index..8 * index + 8]);
    order.truncate(count.min(scheme.m()));
    order
}
