//! The shape of a stripe.

use crate::Scheme;

/// How content is cut: scheme, chunk size, chunks in a full block. With the lengths of a blob this gives the place of every byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StripeShape {
    /// How a stripe is coded.
    pub scheme: Scheme,
    /// Plaintext bytes of a full chunk; even.
    pub chunk_bytes: u32,
    /// Chunks of a full data block.
    pub chunks_per_block: u16,
}

/// Why a shape cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// The chunk size is zero, odd or too large.
    #[error("a chunk of {0} bytes: it must be even, from 2 to {max}", max = StripeShape::CHUNK_BYTES_MAX)]
    ChunkBytes(u32),
    /// A block without chunks.
    #[error("a block must have at least one chunk")]
    NoChunks,
    /// The stripe would be too large to hold in memory.
    #[error("a stripe of {0} bytes is too large, {max} at most", max = StripeShape::STRIPE_BYTES_MAX)]
    StripeBytes(usize),
}

impl StripeShape {
    /// Largest chunk.
    pub const CHUNK_BYTES_MAX: u32 = 1 << 20;
    /// Largest stripe, in bytes of content. (255 data slivers with the largest chunk do not fit, on purpose.)
    pub const STRIPE_BYTES_MAX: usize = 64 << 20;

    const STREAMING_CHUNK_BYTES: u32 = 64 << 10;
    const QUILT_CHUNK_BYTES: u32 = 4 << 10;
    /// Chunks of 64 KiB in a stripe of 1 MiB.
    const STRIPE_CHUNKS: usize = 16;

    /// A shape of one's own.
    ///
    /// # Errors
    /// [`ShapeError`] says which number is out of range.
    pub fn new(scheme: Scheme, chunk_bytes: u32, chunks_per_block: u16) -> Result<Self, ShapeError> {
        let shape = Self { scheme, chunk_bytes, chunks_per_block };
        shape.check()?;
        Ok(shape)
    }

    /// For large objects: chunks of 64 KiB, about 1 MiB of content in a full stripe.
    #[must_use]
    pub fn streaming(scheme: Scheme) -> Self {
        Self { scheme, chunk_bytes: Self::STREAMING_CHUNK_BYTES, chunks_per_block: Self::block_of(scheme, 1) }
    }

    /// For quilts: chunks of 4 KiB, so that a small object is read without its neighbours; stripes as large as in streaming.
    #[must_use]
    pub fn quilt(scheme: Scheme) -> Self {
        let per_chunk = usize::try_from(Self::STREAMING_CHUNK_BYTES / Self::QUILT_CHUNK_BYTES).unwrap_or(1);
        Self { scheme, chunk_bytes: Self::QUILT_CHUNK_BYTES, chunks_per_block: Self::block_of(scheme, per_chunk) }
    }

    /// Content bytes of a full stripe: k * chunks in a block * bytes of a chunk.
    #[must_use]
    pub fn stripe_bytes(&self) -> usize {
        self.scheme.k() * self.run_bytes()
    }

    /// Content bytes of a full data block.
    pub(crate) fn run_bytes(&self) -> usize {
        // At least two bytes, so that a shape made by hand never divides by zero; encoding with it is refused.
        (usize::from(self.chunks_per_block) * self.chunk_bytes as usize).max(2)
    }

    /// Bytes of a full chunk as they are used in divisions.
    pub(crate) fn chunk_len(&self) -> usize {
        (self.chunk_bytes as usize).max(2)
    }

    /// Chunk numbers that a stripe uses, whether full or short.
    pub(crate) fn chunks_per_stripe(&self) -> u64 {
        self.scheme.k() as u64 * u64::from(self.chunks_per_block)
    }

    /// Whether blobs may be encoded in this shape.
    ///
    /// # Errors
    /// [`ShapeError`] says which number is out of range.
    pub fn check(&self) -> Result<(), ShapeError> {
        if self.chunk_bytes < 2 || !self.chunk_bytes.is_multiple_of(2) || self.chunk_bytes > Self::CHUNK_BYTES_MAX {
            return Err(ShapeError::ChunkBytes(self.chunk_bytes));
        }
        if self.chunks_per_block == 0 {
            return Err(ShapeError::NoChunks);
        }
        if self.stripe_bytes() > Self::STRIPE_BYTES_MAX {
            return Err(ShapeError::StripeBytes(self.stripe_bytes()));
        }
        Ok(())
    }

    fn block_of(scheme: Scheme, per_chunk: usize) -> u16 {
        u16::try_from((Self::STRIPE_CHUNKS / scheme.k()).max(1) * per_chunk).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_has_both_shapes_with_stripes_of_the_same_size() {
        for k in 1..=254 {
            let scheme = Scheme::reed_solomon(k, 1).unwrap();
            let (streaming, quilt) = (StripeShape::streaming(scheme), StripeShape::quilt(scheme));
            assert_eq!(streaming.check(), Ok(()));
            assert_eq!(quilt.check(), Ok(()));
            assert_eq!(streaming.stripe_bytes(), quilt.stripe_bytes());
        }
        assert_eq!(StripeShape::streaming(Scheme::reed_solomon(4, 2).unwrap()).stripe_bytes(), 1 << 20);
    }

    #[test]
    fn shapes_out_of_range_are_refused() {
        let scheme = Scheme::reed_solomon(4, 2).unwrap();
        for chunk_bytes in [0, 1, 3, StripeShape::CHUNK_BYTES_MAX + 2] {
            assert_eq!(StripeShape::new(scheme, chunk_bytes, 1), Err(ShapeError::ChunkBytes(chunk_bytes)));
        }
        assert_eq!(StripeShape::new(scheme, 64, 0), Err(ShapeError::NoChunks));
        assert!(matches!(StripeShape::new(scheme, 1 << 20, 17), Err(ShapeError::StripeBytes(_))));
    }
}
