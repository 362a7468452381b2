//! Sealing and opening of chunks: AES-256-GCM with the blob's key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, Tag, UnboundKey};
use aws_lc_rs::error::Unspecified;

use crate::{BlobId, BlobKey};

/// Bytes that sealing adds to a chunk.
pub const TAG_BYTES: usize = 16;

/// A blob's cipher. A chunk's nonce is its number in the blob, so it is unique as long as a key seals one blob only; number, blob and
/// being the last are authenticated, so a chunk cannot be moved, repeated, dropped from the end or brought in from another blob.
pub(crate) struct ChunkCipher {
    key: LessSafeKey,
    blob: BlobId,
}

impl ChunkCipher {
    pub(crate) fn new(blob: BlobId, key: &BlobKey) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key.as_bytes()).expect("a blob key has the length of an AES-256 key");
        Self { key: LessSafeKey::new(key), blob }
    }

    /// Encrypts a chunk in place and returns its tag.
    pub(crate) fn seal(&self, number: u64, last: bool, chunk: &mut [u8]) -> Result<Tag, Unspecified> {
        self.key.seal_in_place_separate_tag(nonce(number, last), self.associated(number, last), chunk)
    }

    /// Decrypts a sealed chunk (ciphertext, then tag) in place; the plaintext is the same bytes without the last [`TAG_BYTES`].
    pub(crate) fn open(&self, number: u64, last: bool, sealed: &mut [u8]) -> Result<(), Unspecified> {
        self.key.open_in_place(nonce(number, last), self.associated(number, last), sealed).map(drop)
    }

    /// Blob id, chunk number (big-endian), whether it is the last.
    fn associated(&self, number: u64, last: bool) -> Aad<[u8; 25]> {
        let mut bytes = [0; 25];
        bytes[..16].copy_from_slice(&self.blob.0);
        bytes[16..24].copy_from_slice(&number.to_be_bytes());
        bytes[24] = u8::from(last);
        Aad::from(bytes)
    }
}

/// Chunk number (big-endian), three zeros, whether it is the last.
fn nonce(number: u64, last: bool) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}
