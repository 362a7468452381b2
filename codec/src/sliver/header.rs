//! The first bytes of a sliver: what it is, without asking anyone.

use super::SliverError;
use super::fields::Fields;
use super::sizes::{FORMAT_VERSION, HEADER_BYTES};
use crate::merkle::{HASH_BYTES, Hash};
use crate::{BlobId, ClusterId, Scheme, SchemeKind, StripeShape, WrappedKey};

const MAGIC: [u8; 8] = *b"HAULSLIV";
const DIGEST_AT: usize = HEADER_BYTES - HASH_BYTES;
/// From here to the digest: zeros, for what a later format may need.
const RESERVED_AT: usize = 116;
const HEADER_KEY: &Hash = b"Haulout v1 sliver: header digest";

const KIND_REED_SOLOMON: u8 = 1;
const KIND_COPIES: u8 = 2;

/// What a sliver's header says. It is fixed before the first block is written, so it has no lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliverHeader {
    /// The cluster that wrote it.
    pub cluster: ClusterId,
    /// The blob.
    pub blob: BlobId,
    /// Which of the blob's n slivers.
    pub index: u8,
    /// How the blob is cut.
    pub shape: StripeShape,
    /// The blob's data key, wrapped by the cluster key.
    pub wrapped_key: WrappedKey,
}

impl SliverHeader {
    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let kind = match self.shape.scheme.kind() {
            SchemeKind::ReedSolomon => KIND_REED_SOLOMON,
            SchemeKind::Copies => KIND_COPIES,
        };
        // Scheme makes k and m at most 255.
        let count = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
        let (k, m) = (count(self.shape.scheme.k()), count(self.shape.scheme.m()));
        let fields: [&[u8]; 8] = [
            &MAGIC,
            &FORMAT_VERSION.to_be_bytes(),
            &self.cluster.0,
            &self.blob.0,
            &[kind, k, m, self.index],
            &self.shape.chunk_bytes.to_be_bytes(),
            &self.shape.chunks_per_block.to_be_bytes(),
            &self.wrapped_key.0,
        ];
        let mut at = 0;
        for field in fields {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        }
        debug_assert_eq!(at, RESERVED_AT, "the fields end where the reserved bytes begin");
        let digest = digest(&bytes);
        bytes[DIGEST_AT..].copy_from_slice(&digest);
        bytes
    }

    /// Reads a header from the beginning of a sliver of which nothing is known. Any bytes may be given.
    ///
    /// # Errors
    /// [`SliverError::NotASliver`], [`SliverError::Version`], or [`SliverError::Damaged`] when it began as a header.
    pub fn parse(bytes: &[u8]) -> Result<Self, SliverError> {
        let header: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(SliverError::NotASliver)?;
        let mut fields = Fields::new(header);
        if fields.bytes() != MAGIC {
            return Err(SliverError::NotASliver);
        }
        let version = fields.u16();
        if header[DIGEST_AT..] != digest(header) {
            // A later version may well have its digest elsewhere, or a damaged number may look like one.
            return Err(if version == FORMAT_VERSION {
                SliverError::Damaged("header")
            } else {
                SliverError::Version(version)
            });
        }
        if version != FORMAT_VERSION {
            return Err(SliverError::Version(version));
        }
        let cluster = ClusterId(fields.bytes());
        let blob = BlobId(fields.bytes());
        let scheme = scheme(fields.u8(), fields.u8(), fields.u8()).ok_or(SliverError::Damaged("scheme"))?;
        let index = fields.u8();
        let shape =
            StripeShape::new(scheme, fields.u32(), fields.u16()).map_err(|_| SliverError::Damaged("stripe shape"))?;
        let wrapped_key = WrappedKey(fields.bytes());
        let parsed = Self { cluster, blob, index, shape, wrapped_key };
        if usize::from(index) >= scheme.n() {
            return Err(SliverError::Damaged("sliver index"));
        }
        // One meaning, one spelling: reserved bytes are zero.
        if parsed.to_bytes() != *header {
            return Err(SliverError::Damaged("reserved bytes"));
        }
        Ok(parsed)
    }

    /// What the root commits to.
    pub(super) fn digest(&self) -> Hash {
        digest(&self.to_bytes())
    }
}

fn digest(header: &[u8; HEADER_BYTES]) -> Hash {
    *blake3::keyed_hash(HEADER_KEY, &header[..DIGEST_AT]).as_bytes()
}

fn scheme(kind: u8, k: u8, m: u8) -> Option<Scheme> {
    let (k, m) = (usize::from(k), usize::from(m));
    match kind {
        KIND_REED_SOLOMON => Scheme::reed_solomon(k, m).ok(),
        KIND_COPIES if k == 1 => Scheme::copies(1 + m).ok(),
        _ => None,
    }
}
