//! From content to slivers.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::chunk_cipher::ChunkCipher;
use crate::erasure::{ErasureScheme, coder};
use crate::layout::STRIPES_MAX;
use crate::merkle::{Hash, leaf};
use crate::sliver::{HEADER_BYTES, SealedFooter, SliverHeader, SliverSealer};
use crate::stripe::StripeCut;
use crate::{BlobId, BlobKey, BlobLayout, ClusterId, EncodeError, Root, StripeShape, WrappedKey};

/// Encodes one blob, stripe by stripe. Holds a few hashes for each stripe, and no content.
pub struct BlobEncoder {
    shape: StripeShape,
    cipher: ChunkCipher,
    coder: Box<dyn ErasureScheme>,
    headers: Vec<SliverHeader>,
    sealers: Vec<SliverSealer>,
    stripes: u32,
    payload_len: u64,
    ended: bool,
}

impl BlobEncoder {
    /// An encoder of a new blob. The key must be new too: see [`BlobKey`]. A shape that cannot be used is reported by the first
    /// stripe.
    #[must_use]
    pub fn new(cluster: ClusterId, id: BlobId, shape: StripeShape, key: &BlobKey, wrapped: WrappedKey) -> Self {
        let indices = (0..shape.scheme.n()).map(|index| u8::try_from(index).unwrap_or(u8::MAX));
        let headers: Vec<_> =
            indices.map(|index| SliverHeader { cluster, blob: id, index, shape, wrapped_key: wrapped }).collect();
        Self {
            shape,
            cipher: ChunkCipher::new(id, key),
            coder: coder(shape.scheme),
            sealers: headers.iter().copied().map(SliverSealer::new).collect(),
            headers,
            stripes: 0,
            payload_len: 0,
            ended: false,
        }
    }

    /// The first bytes of each of the n slivers.
    #[must_use]
    pub fn headers(&self) -> Vec<Bytes> {
        let mut all = Vec::with_capacity(self.headers.len() * HEADER_BYTES);
        for header in &self.headers {
            all.extend_from_slice(&header.to_bytes());
        }
        let all = Bytes::from(all);
        (0..self.headers.len()).map(|index| all.slice(index * HEADER_BYTES..(index + 1) * HEADER_BYTES)).collect()
    }

    /// The next stripe's n blocks. `payload` is as long as [`StripeShape::stripe_bytes`], or shorter (not empty) when it is the last.
    ///
    /// # Errors
    /// [`EncodeError`] as above; the encoder cannot go on after an error.
    pub fn encode_stripe(&mut self, payload: &[u8], last: bool) -> Result<Vec<Bytes>, EncodeError> {
        self.encode_stripe_parts(&[payload], last)
    }

    /// Like [`encode_stripe`](Self::encode_stripe) with a payload in several parts, in order: saves the caller from joining them.
    ///
    /// # Errors
    /// As [`encode_stripe`](Self::encode_stripe).
    pub fn encode_stripe_parts(&mut self, payload: &[&[u8]], last: bool) -> Result<Vec<Bytes>, EncodeError> {
        self.shape.check()?;
        let (expected, actual) = (self.shape.stripe_bytes(), payload.iter().map(|part| part.len()).sum::<usize>());
        if self.ended {
            return Err(EncodeError::AfterLast);
        }
        if actual == 0 || actual > expected || (actual < expected && !last) {
            return Err(EncodeError::StripeLength { expected, actual });
        }
        if self.stripes == STRIPES_MAX {
            return Err(EncodeError::TooLong);
        }
        let cut = StripeCut::new(&self.shape, actual);
        let mut parts = Parts { parts: payload, at: 0 };
        let mut blocks = Vec::with_capacity(self.shape.scheme.n());
        for index in 0..self.shape.scheme.k() {
            blocks.push(Bytes::from(self.data_block(&cut, index, &mut parts, last)?));
        }
        let parity = self.coder.encode(&blocks)?;
        blocks.extend(parity);
        self.push_leaves(&blocks);
        self.stripes += 1;
        self.payload_len += actual as u64;
        self.ended = last;
        Ok(blocks)
    }

    /// The footers and roots of the n slivers. An empty blob has no stripes.
    ///
    /// # Errors
    /// [`EncodeError::Lengths`] when the lengths are not those of what was encoded, or the last stripe was not marked as the last.
    pub fn finish(self, content_len: u64, catalog_len: u32) -> Result<Vec<SealedFooter>, EncodeError> {
        let stated = content_len.saturating_add(u64::from(catalog_len));
        if stated != self.payload_len || (self.stripes > 0 && !self.ended) {
            return Err(EncodeError::Lengths { encoded: self.payload_len, stated });
        }
        self.shape.check()?;
        Ok(self.sealers.into_iter().map(|sealer| sealer.seal(content_len, catalog_len)).collect())
    }

    /// One data block: each chunk is copied in and encrypted where it lies, while it is in the cache.
    fn data_block(&self, cut: &StripeCut, index: usize, parts: &mut Parts, last: bool) -> Result<Vec<u8>, EncodeError> {
        let run = cut.run(index);
        let first_chunk = u64::from(self.stripes) * self.shape.chunks_per_stripe()
            + index as u64 * u64::from(self.shape.chunks_per_block);
        let mut block = Vec::with_capacity(cut.block_len());
        let mut rest = run.len();
        for number in first_chunk.. {
            if rest == 0 {
                break;
            }
            let (start, len) = (block.len(), rest.min(self.shape.chunk_len()));
            parts.copy(len, &mut block);
            rest -= len;
            let ends_blob = last && rest == 0 && run.end == cut.payload_len();
            let tag = self.cipher.seal(number, ends_blob, &mut block[start..])?;
            block.extend_from_slice(tag.as_ref());
        }
        block.resize(cut.block_len(), 0);
        Ok(block)
    }

    fn push_leaves(&mut self, blocks: &[Bytes]) {
        let mut before: Option<(*const u8, Hash)> = None;
        for (block, sealer) in blocks.iter().zip(&mut self.sealers) {
            // Copies share one buffer: hash it once.
            let hash = match before {
                Some((place, hash)) if place == block.as_ptr() => hash,
                _ => leaf(block),
            };
            before = Some((block.as_ptr(), hash));
            sealer.push_leaf(hash);
        }
    }
}

/// A payload in several parts, read from front to back.
struct Parts<'a> {
    parts: &'a [&'a [u8]],
    /// Bytes of the first part that have been read.
    at: usize,
}

impl Parts<'_> {
    /// Appends the next `len` bytes to `block`; the caller has counted that there are as many.
    fn copy(&mut self, mut len: usize, block: &mut Vec<u8>) {
        while let (Some(part), true) = (self.parts.first(), len > 0) {
            let now = len.min(part.len() - self.at);
            block.extend_from_slice(&part[self.at..self.at + now]);
            self.at += now;
            len -= now;
            if self.at == part.len() {
                self.parts = &self.parts[1..];
                self.at = 0;
            }
        }
    }
}

/// A whole blob, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedBlob {
    /// Its shape and lengths.
    pub layout: BlobLayout,
    /// Its n slivers, by index.
    pub slivers: Vec<EncodedSliver>,
}

/// A whole sliver, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedSliver {
    /// Its bytes: header, blocks, footer.
    pub parts: Vec<Bytes>,
    /// Its root.
    pub root: Root,
}

/// The data key of a blob, in the clear and wrapped by the cluster key.
#[derive(Clone, Copy)]
pub struct BlobKeys<'a> {
    /// Encrypts the blob.
    pub key: &'a BlobKey,
    /// Stands in the header of every sliver.
    pub wrapped: WrappedKey,
}

/// Encodes a blob that is in memory, such as a quilt.
///
/// # Errors
/// [`EncodeError`] for a shape that cannot be used or a blob that is too long.
pub fn encode_blob(
    cluster: ClusterId,
    id: BlobId,
    shape: StripeShape,
    keys: BlobKeys<'_>,
    content: &[u8],
    catalog: &[u8],
) -> Result<EncodedBlob, EncodeError> {
    encode_blob_parts(cluster, id, shape, keys, &[content], catalog)
}

/// As [`encode_blob`], with content that lies in pieces: they are not copied together first.
///
/// # Errors
/// As [`encode_blob`].
pub fn encode_blob_parts(
    cluster: ClusterId,
    id: BlobId,
    shape: StripeShape,
    keys: BlobKeys<'_>,
    content: &[&[u8]],
    catalog: &[u8],
) -> Result<EncodedBlob, EncodeError> {
    shape.check()?;
    let catalog_len = u32::try_from(catalog.len()).map_err(|_| EncodeError::TooLong)?;
    let content_len = content.iter().map(|piece| piece.len() as u64).sum();
    let layout = BlobLayout { shape, content_len, catalog_len };
    let mut encoder = BlobEncoder::new(cluster, id, shape, keys.key, keys.wrapped);
    let mut parts: Vec<Vec<Bytes>> = encoder.headers().into_iter().map(|header| vec![header]).collect();
    let mut left: VecDeque<&[u8]> = content.iter().copied().chain([catalog]).collect();
    for stripe in 0..layout.stripes() {
        let pieces = cut_off(&mut left, shape.stripe_bytes());
        let blocks = encoder.encode_stripe_parts(&pieces, stripe + 1 == layout.stripes())?;
        parts.iter_mut().zip(blocks).for_each(|(sliver, block)| sliver.push(block));
    }
    let footers = encoder.finish(layout.content_len, catalog_len)?;
    let slivers = parts.into_iter().zip(footers).map(|(mut parts, footer)| {
        parts.push(footer.bytes);
        EncodedSliver { parts, root: footer.root }
    });
    Ok(EncodedBlob { layout, slivers: slivers.collect() })
}

/// Cuts the first `len` bytes off a list of pieces, or all there are.
fn cut_off<'a>(pieces: &mut VecDeque<&'a [u8]>, mut len: usize) -> Vec<&'a [u8]> {
    let mut cut = Vec::new();
    while len > 0 {
        let Some(piece) = pieces.pop_front() else { break };
        let (head, rest) = piece.split_at(piece.len().min(len));
        len -= head.len();
        cut.push(head);
        if !rest.is_empty() {
            pieces.push_front(rest);
        }
    }
    cut
}
