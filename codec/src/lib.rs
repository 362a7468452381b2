//! Haulout's codec: bytes to stripes to slivers to proofs, and back.
//!
//! Pure: no I/O, no async runtime, no clock, no source of randomness. Whoever calls passes keys, nonces and ids in and takes bytes
//! out. The words used here are those of the [format](mod@format) document, which gives every byte of what is stored.
//!
//! Writing a blob, in steps:
//! 1. [`BlobEncoder::new`] fixes who the blob is; [`BlobEncoder::headers`] are the first bytes of its n slivers.
//! 2. [`BlobEncoder::encode_stripe`] seals a stripe's chunks, codes them and returns one block for each sliver.
//! 3. [`BlobEncoder::finish`] returns the footers and the roots that the metadata must keep.
//!
//! Reading a range of it:
//! 1. [`BlobLayout::pieces`] says which bytes of which data slivers to fetch.
//! 2. [`BlobOpener::open`] decrypts a piece in place. The tags alone prove the bytes, from the encoder to here.
//! 3. If a tag fails or a sliver is missing: [`Footer::parse`] against the kept root names the bad blocks, [`reconstruct`] makes the
//!    missing ones from any k good ones, and step 2 follows as if nothing had happened.
#![forbid(unsafe_code)]

#[doc = include_str!("../FORMAT.md")]
pub mod format {}

mod blob_id;
mod blob_key;
mod catalog;
mod chunk_cipher;
mod cluster_id;
mod cluster_key;
mod content_cipher;
mod encode_error;
mod encoder;
mod erasure;
mod hex_text;
mod layout;
mod merkle;
mod opener;
mod piece;
mod possession;
mod root;
mod scheme;
mod shape;
mod sliver;
mod stripe;
mod wrapped_key;

pub use blob_id::BlobId;
pub use blob_key::BlobKey;
pub use catalog::{Catalog, CatalogEntry, CatalogError, CatalogExtent, CatalogTarget};
pub use chunk_cipher::TAG_BYTES;
pub use cluster_id::ClusterId;
pub use cluster_key::{ClusterKey, KeyError};
pub use content_cipher::{ContentCipher, ContentSalt};
pub use encode_error::EncodeError;
pub use encoder::{BlobEncoder, BlobKeys, EncodedBlob, EncodedSliver, encode_blob, encode_blob_parts};
pub use erasure::{ErasureScheme, ReconstructError, coder, reconstruct};
pub use hex_text::HexError;
pub use layout::{BlobLayout, STRIPES_MAX};
pub use merkle::MerkleProof;
pub use opener::{BlobOpener, OpenError};
pub use piece::Piece;
pub use possession::{PossessionError, PossessionProof, SAMPLE_BYTES, SamplePosition};
pub use root::Root;
pub use scheme::{Scheme, SchemeError, SchemeKind};
pub use shape::{ShapeError, StripeShape};
pub use sliver::{
    FOOTER_TAIL_BYTES, Footer, FooterTail, HEADER_BYTES, IncomingSliver, SealedFooter, SelfDescribed, SliverError,
    SliverHeader, SliverIdentity, SliverSealer, SliverVerifier,
};
pub use wrapped_key::WrappedKey;
