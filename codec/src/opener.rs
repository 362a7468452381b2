//! From sealed chunks to content.

use bytes::{Bytes, BytesMut};

use crate::chunk_cipher::{ChunkCipher, TAG_BYTES};
use crate::{BlobId, BlobKey, BlobLayout, Piece};

/// Opens the pieces of one blob. Cheap to make, usable from many threads.
pub struct BlobOpener {
    cipher: ChunkCipher,
    layout: BlobLayout,
}

/// Why a piece could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The wrong number of bytes was given: read again.
    #[error("{actual} sealed bytes where {expected} are expected")]
    Length {
        /// What the piece needs.
        expected: usize,
        /// What was given.
        actual: usize,
    },
    /// A tag does not fit. The sliver, or a sliver that it was reconstructed from, is damaged: judge its block by its footer.
    #[error("chunk {chunk} of the blob is not genuine")]
    NotGenuine {
        /// The chunk's number in the blob.
        chunk: u64,
    },
}

impl BlobOpener {
    /// An opener of the blob with this key and layout.
    #[must_use]
    pub fn new(id: BlobId, key: &BlobKey, layout: BlobLayout) -> Self {
        Self { cipher: ChunkCipher::new(id, key), layout }
    }

    /// Proves and decrypts a piece in place. `sealed` is what the piece's `sliver_range` holds, or the same bytes of a reconstructed
    /// block. The result is exactly the piece's payload, in order, as parts of that buffer.
    ///
    /// # Errors
    /// [`OpenError`]; nothing of a piece is given out unless all of it is genuine.
    pub fn open(&self, piece: &Piece, mut sealed: BytesMut) -> Result<Vec<Bytes>, OpenError> {
        if sealed.len() != piece.sealed_len() {
            return Err(OpenError::Length { expected: piece.sealed_len(), actual: sealed.len() });
        }
        let chunk_len = self.layout.shape.chunk_len();
        let chunks = piece.plain_len.div_ceil(chunk_len);
        for (place, chunk) in sealed.chunks_mut(chunk_len + TAG_BYTES).enumerate() {
            let number = piece.first_chunk + place as u64;
            let last = piece.ends_blob && place + 1 == chunks;
            self.cipher.open(number, last, chunk).map_err(|_| OpenError::NotGenuine { chunk: number })?;
        }
        let plain = sealed.freeze();
        let wanted = piece.skip..piece.skip + piece.take;
        let parts = (0..chunks).filter_map(|place| {
            // The chunk's part of the wanted range, counted in the piece's plaintext; before it lie `place` tags.
            let from = (place * chunk_len).max(wanted.start);
            let to = ((place + 1) * chunk_len).min(wanted.end);
            (from < to).then(|| plain.slice(from + place * TAG_BYTES..to + place * TAG_BYTES))
        });
        Ok(parts.collect())
    }
}
