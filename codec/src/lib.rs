//! Haulout's codec: bytes to stripes to slivers to proofs, and back.
//!
//! Pure: no I/O, no async runtime, no clock, no source of randomness. Whoever calls passes keys, nonces and ids in and takes bytes
//! out.
#![forbid(unsafe_code)]

mod blob_id;
mod blob_key;
mod chunk_cipher;
mod cluster_id;
mod cluster_key;
mod hex_text;
mod layout;
mod merkle;
mod piece;
mod root;
mod scheme;
mod shape;
mod sliver;
mod stripe;
mod wrapped_key;

pub use blob_id::BlobId;
pub use blob_key::BlobKey;
pub use chunk_cipher::TAG_BYTES;
pub use cluster_id::ClusterId;
pub use cluster_key::{ClusterKey, KeyError};
pub use hex_text::HexError;
pub use layout::{BlobLayout, STRIPES_MAX};
pub use merkle::MerkleProof;
pub use piece::Piece;
pub use root::Root;
pub use scheme::{Scheme, SchemeError, SchemeKind};
pub use shape::{ShapeError, StripeShape};
pub use sliver::{
    FOOTER_TAIL_BYTES, Footer, FooterTail, HEADER_BYTES, SealedFooter, SelfDescribed, SliverError, SliverHeader,
    SliverIdentity, SliverSealer, SliverVerifier,
};
pub use wrapped_key::WrappedKey;
