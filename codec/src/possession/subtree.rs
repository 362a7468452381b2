//! Paths inside the BLAKE3 tree of one block.
//!
//! The tree is given in section 2.1 of the BLAKE3 paper: the left subtree of `n` bytes has the largest power of two of chunks that leaves
//! at least one byte to the right; parents are hashed like chunks, and only the top one is marked as the root.

use blake3::hazmat::{HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};

use super::SAMPLE_BYTES;
use crate::merkle::{Hash, LEAF_KEY};

/// On which side of a parent the way to the sample goes down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// The hashes beside the way from the sample that begins at `start` to the leaf of its block, lowest first.
pub(super) fn path(block: &[u8], start: usize) -> Vec<Hash> {
    let mut beside = Vec::new();
    let mut from = 0;
    let mut to = block.len();
    while to - from > SAMPLE_BYTES {
        let middle = from + left_len(to - from);
        if start < middle {
            beside.push(chaining_value(&block[middle..to], middle));
            to = middle;
        } else {
            beside.push(chaining_value(&block[from..middle], from));
            from = middle;
        }
    }
    beside.reverse();
    beside
}

/// The leaf of a block of `block_len` bytes that has this sample at `start`; none when the path has another length than such a block's.
pub(super) fn leaf_from(sample: &[u8], start: usize, block_len: usize, path: &[Hash]) -> Option<Hash> {
    let sides = sides(start, block_len);
    if sides.len() != path.len() {
        return None;
    }
    let mode = Mode::KeyedHash(LEAF_KEY);
    let Some((top_side, lower_sides)) = sides.split_first() else {
        return Some(*blake3::keyed_hash(LEAF_KEY, sample).as_bytes());
    };
    let (top_beside, lower) = path.split_last()?;
    let mut hash = chaining_value(sample, start);
    for (beside, side) in lower.iter().zip(lower_sides.iter().rev()) {
        let (left, right) = in_order(&hash, beside, *side);
        hash = merge_subtrees_non_root(left, right, mode);
    }
    let (left, right) = in_order(&hash, top_beside, *top_side);
    Some(*merge_subtrees_root(left, right, mode).as_bytes())
}

/// The sides on the way down from the top of a block to the sample that begins at `start`.
fn sides(start: usize, block_len: usize) -> Vec<Side> {
    let mut sides = Vec::new();
    let mut from = 0;
    let mut len = block_len;
    while len > SAMPLE_BYTES {
        let left = left_len(len);
        if start < from + left {
            sides.push(Side::Left);
            len = left;
        } else {
            sides.push(Side::Right);
            from += left;
            len -= left;
        }
    }
    sides
}

fn in_order<'a>(own: &'a Hash, beside: &'a Hash, side: Side) -> (&'a Hash, &'a Hash) {
    match side {
        Side::Left => (own, beside),
        Side::Right => (beside, own),
    }
}

fn left_len(len: usize) -> usize {
    // A part of `len`, so it fits.
    usize::try_from(left_subtree_len(len as u64)).unwrap_or(len)
}

fn chaining_value(bytes: &[u8], offset: usize) -> Hash {
    blake3::Hasher::new_keyed(LEAF_KEY).set_input_offset(offset as u64).update(bytes).finalize_non_root()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::leaf;

    #[test]
    fn every_sample_leads_to_the_leaf_of_its_block() {
        let bytes: Vec<u8> = (0..40_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for len in [1, 64, 1_023, 1_024, 1_025, 2_048, 2_049, 3_072, 7_000, 16_384, 16_448, 31_744, 40_000] {
            let block = &bytes[..len];
            for start in (0..len).step_by(SAMPLE_BYTES) {
                let sample = &block[start..len.min(start + SAMPLE_BYTES)];
                let proof = path(block, start);
                assert_eq!(leaf_from(sample, start, len, &proof), Some(leaf(block)), "{start} of {len}");
                let mut changed = sample.to_vec();
                changed[0] ^= 1;
                assert_ne!(leaf_from(&changed, start, len, &proof), Some(leaf(block)), "{start} of {len}");
                let longer = [&proof[..], &[[0; 32]]].concat();
                assert_eq!(leaf_from(sample, start, len, &longer), None);
                assert!(proof.len() <= 6, "a path is logarithmic");
            }
        }
    }
}
