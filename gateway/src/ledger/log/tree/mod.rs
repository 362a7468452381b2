//! The Merkle tree of RFC 6962 over the leaves of the log, and the files that hold it.

mod frontier;
mod hash;
mod proof;
mod tile;
mod tile_builder;
mod tiled;

pub use frontier::Frontier;
pub use hash::{Hash, HashError, leaf_hash, node_hash};
pub use proof::{
    PROOF_HASHES_MAX, Subtrees, consistency_proof, inclusion_proof, is_consistent, is_included, root_of_range,
};
pub use tile::{
    ENTRY_BYTES_MAX, TILE_WIDTH, TileError, TileKind, TilePath, bundles_of, decode_bundle, decode_hashes,
    encode_bundle, encode_hashes, split_bundle, tiles_of,
};
pub use tile_builder::TileBuilder;
pub use tiled::{TiledTree, TreeError};
