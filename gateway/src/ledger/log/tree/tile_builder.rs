//! Makes the tiles of a tree while leaves are appended.

use super::hash::{Hash, node_hash};
use super::tile::{TILE_WIDTH, TileKind, TilePath};

/// The tiles at the right edge of a tree, which are not full yet.
#[derive(Clone, Debug, Default)]
pub struct TileBuilder {
    /// The open tile of each level, with its number.
    levels: Vec<(u64, Vec<Hash>)>,
}

impl TileBuilder {
    /// Appends a leaf, given by its hash. Answers with the tiles that are full by it, lowest level first: mostly none.
    pub fn push(&mut self, leaf: Hash) -> Vec<(TilePath, Vec<Hash>)> {
        let (mut full, mut hash) = (Vec::new(), leaf);
        for level in 0..=u8::MAX {
            if self.levels.len() == usize::from(level) {
                self.levels.push((0, Vec::new()));
            }
            let (index, open) = &mut self.levels[usize::from(level)];
            open.push(hash);
            if open.len() < usize::from(TILE_WIDTH) {
                break;
            }
            let hashes = std::mem::take(open);
            let path = TilePath { kind: TileKind::Hashes(level), index: *index, width: TILE_WIDTH };
            *index += 1;
            hash = root_of_tile(&hashes);
            full.push((path, hashes));
        }
        full
    }

    /// The partial tiles of the tree as it is now, lowest level first.
    pub fn partial(&self) -> impl Iterator<Item = (TilePath, &[Hash])> {
        (0..).zip(&self.levels).filter(|(_, (_, hashes))| !hashes.is_empty()).map(|(level, (index, hashes))| {
            let width = u16::try_from(hashes.len()).expect("a partial tile has fewer than 256 hashes");
            (TilePath { kind: TileKind::Hashes(level), index: *index, width }, hashes.as_slice())
        })
    }
}

/// The root over hashes whose number is a power of two.
pub(super) fn root_of_tile(hashes: &[Hash]) -> Hash {
    debug_assert!(hashes.len().is_power_of_two());
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(*left, *right)).collect();
    }
    row.first().copied().unwrap_or_else(Hash::of_empty_tree)
}
