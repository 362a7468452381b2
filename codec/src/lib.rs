//! Haulout's codec: bytes to stripes to slivers to proofs, and back.
//!
//! Pure: no I/O, no async runtime, no clock, no source of randomness. Whoever calls passes keys, nonces and ids in and takes bytes
//! out.
#![forbid(unsafe_code)]

mod blob_id;
mod cluster_id;
mod hex_text;
mod root;
mod scheme;
mod shape;

pub use blob_id::BlobId;
pub use cluster_id::ClusterId;
pub use hex_text::HexError;
pub use root::Root;
pub use scheme::{Scheme, SchemeError, SchemeKind};
pub use shape::{ShapeError, StripeShape};
