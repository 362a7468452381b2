//! A tree that is read from its tiles, and proofs made from them.

use std::cell::RefCell;
use std::collections::HashMap;

use super::hash::Hash;
use super::proof::{consistency_proof, inclusion_proof, root_of_range};
use super::tile::{TILE_WIDTH, TileKind, TilePath, decode_hashes};
use super::tile_builder::root_of_tile;

/// Reads the file of a tile, or says why it cannot.
type ReadTile<'a> = Box<dyn Fn(TilePath) -> Result<Vec<u8>, String> + 'a>;

/// Why a tile of a tree cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {cause}")]
pub struct TreeError {
    /// The file.
    pub path: TilePath,
    /// Why.
    pub cause: String,
}

/// A tree of a known size whose tiles can be read. Each is read at most once, and what it says is not checked: proofs made from
/// it are good only if they lead to the root of a checkpoint.
pub struct TiledTree<'a> {
    size: u64,
    read: ReadTile<'a>,
    cache: RefCell<HashMap<TilePath, Vec<Hash>>>,
}

impl<'a> TiledTree<'a> {
    /// A tree of this size.
    pub fn new(size: u64, read: impl Fn(TilePath) -> Result<Vec<u8>, String> + 'a) -> Self {
        Self { size, read: Box::new(read), cache: RefCell::default() }
    }

    /// The root of the tree of the first `size` leaves, at most those that there are.
    ///
    /// # Errors
    /// [`TreeError`] when a tile cannot be read; so with the others.
    pub fn root(&self, size: u64) -> Result<Hash, TreeError> {
        root_of_range(0..size.min(self.size), &|level, index| self.subtree(level, index))
    }

    /// Proves the leaf at `index` in the tree of the first `size` leaves.
    ///
    /// # Errors
    /// As [`Self::root`].
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Hash>, TreeError> {
        inclusion_proof(index, size.min(self.size), &|level, index| self.subtree(level, index))
    }

    /// Proves that the tree of the first `size` leaves extends that of the first `old`.
    ///
    /// # Errors
    /// As [`Self::root`].
    pub fn consistency_proof(&self, old: u64, size: u64) -> Result<Vec<Hash>, TreeError> {
        consistency_proof(old, size.min(self.size), &|level, index| self.subtree(level, index))
    }

    /// The hash of a complete subtree of the tree: some hashes of one tile, hashed up to seven times.
    fn subtree(&self, level: u8, index: u64) -> Result<Hash, TreeError> {
        let (tile_level, rest) = (level / 8, level % 8);
        let first = index << rest;
        let width = u64::from(TILE_WIDTH);
        let (tile, within) = (first / width, first % width);
        let hashes = (self.size >> (8 * u32::from(tile_level))).saturating_sub(tile * width).min(width);
        let hashes = u16::try_from(hashes).expect("at most 256");
        let path = TilePath { kind: TileKind::Hashes(tile_level), index: tile, width: hashes };
        if !self.cache.borrow().contains_key(&path) {
            let refused = |cause| TreeError { path, cause };
            let bytes = (self.read)(path).map_err(refused)?;
            let hashes = decode_hashes(&bytes, path.width).map_err(|error| refused(error.to_string()))?;
            self.cache.borrow_mut().insert(path, hashes);
        }
        let within = usize::try_from(within).expect("below 256");
        let cache = self.cache.borrow();
        let hashes = cache.get(&path).and_then(|hashes| hashes.get(within..within + (1 << rest)));
        Ok(root_of_tile(hashes.expect("a subtree of the tree lies within the width of its tile")))
    }
}

impl std::fmt::Debug for TiledTree<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TiledTree").field("size", &self.size).finish_non_exhaustive()
    }
}
