//! The log: every posted transfer as a leaf of a Merkle tree that anybody can check. Pure: bytes in, bytes out.
#![doc = include_str!("LOG.md")]

mod export;
mod leaf;
pub mod note;
#[cfg(any(test, feature = "fuzzing"))]
pub mod probe;
mod proven_leaf;
mod salt;
mod section;
mod section_request;
#[cfg(test)]
mod tests;
pub mod tree;
pub mod verify;

pub use export::{CHECKPOINT_FILE, ExportError, Exporter, POLICY_FILE, README_FILE, checkpoint_file, inputs_file};
pub use leaf::{LEAF_BYTES_MAX, Leaf, LeafError};
pub use proven_leaf::{ProvenLeafError, ProvingError, prove_leaf, proven_leaf};
pub use salt::{NameKind, Opening, OpeningError, Salter, is_by_hand};
pub use section::section;
pub use section_request::{SECTION_BYTES_MAX, decode_section, encode_section};
