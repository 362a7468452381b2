//! Proofs that a leaf is in a tree and that a tree extends another: made as in RFC 6962, sections 2.1.1 and 2.1.2, checked as in
//! RFC 9162, sections 2.1.3.2 and 2.1.4.2.

use std::ops::Range;

use super::hash::{Hash, node_hash};

/// The most hashes that a proof may have: one for each level of a tree of 2^63 leaves.
pub const PROOF_HASHES_MAX: usize = 63;

/// Where hashes of complete subtrees come from: level and index within the level give the hash over the leaves
/// `index * 2^level .. (index + 1) * 2^level`.
pub type Subtrees<'a, E> = &'a dyn Fn(u8, u64) -> Result<Hash, E>;

/// The root of the tree over a range of leaves that begins where a subtree of its size would.
///
/// # Errors
/// Whatever `subtrees` answers.
pub fn root_of_range<E>(leaves: Range<u64>, subtrees: Subtrees<'_, E>) -> Result<Hash, E> {
    let (mut from, mut peaks) = (leaves.start, Vec::new());
    while from < leaves.end {
        let level = (leaves.end - from).ilog2();
        let level = u8::try_from(level).expect("a logarithm of 64 bits is below 64");
        peaks.push(subtrees(level, from >> level)?);
        from += 1 << level;
    }
    let mut peaks = peaks.into_iter().rev();
    let Some(smallest) = peaks.next() else { return Ok(Hash::of_empty_tree()) };
    Ok(peaks.fold(smallest, |right, left| node_hash(left, right)))
}

/// The largest power of two below a number of leaves, which is above one.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// The hashes that prove the leaf at `index` in the tree of `size` leaves, from its sibling up.
///
/// # Errors
/// Whatever `subtrees` answers. An index outside of the tree has no proof: the answer is empty.
pub fn inclusion_proof<E>(index: u64, size: u64, subtrees: Subtrees<'_, E>) -> Result<Vec<Hash>, E> {
    let (mut proof, mut leaves) = (Vec::new(), 0..size);
    if index >= size {
        return Ok(proof);
    }
    while leaves.end - leaves.start > 1 {
        let middle = leaves.start + split(leaves.end - leaves.start);
        let (inside, beside) = if index < middle {
            (leaves.start..middle, middle..leaves.end)
        } else {
            (middle..leaves.end, leaves.start..middle)
        };
        proof.push(root_of_range(beside, subtrees)?);
        leaves = inside;
    }
    proof.reverse();
    Ok(proof)
}

/// The hashes that prove that the tree of `size` leaves extends its own first `old` leaves.
///
/// # Errors
/// Whatever `subtrees` answers. Nothing needs to be proven of the empty tree, and nothing can be of a larger one: the answer is
/// empty.
pub fn consistency_proof<E>(old: u64, size: u64, subtrees: Subtrees<'_, E>) -> Result<Vec<Hash>, E> {
    let (mut proof, mut leaves, mut is_old_tree) = (Vec::new(), 0..size, true);
    if old == 0 || old >= size {
        return Ok(proof);
    }
    while leaves.end > old {
        let middle = leaves.start + split(leaves.end - leaves.start);
        let (inside, beside) = if old <= middle {
            (leaves.start..middle, middle..leaves.end)
        } else {
            is_old_tree = false;
            (middle..leaves.end, leaves.start..middle)
        };
        proof.push(root_of_range(beside, subtrees)?);
        leaves = inside;
    }
    if !is_old_tree {
        proof.push(root_of_range(leaves, subtrees)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Whether the proof shows that the leaf with this hash stands at `index` in the tree of this size and root.
#[must_use]
pub fn is_included(leaf: Hash, index: u64, proof: &[Hash], size: u64, root: Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for step in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(*step, hash);
            (node, last) = to_right_child(node, last);
        } else {
            hash = node_hash(hash, *step);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == root
}

/// Whether the proof shows that the tree `new` extends the tree `old`, each given by its size and root.
#[must_use]
pub fn is_consistent(old: (u64, Hash), new: (u64, Hash), proof: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size == 0 {
        return proof.is_empty() && old_root == Hash::of_empty_tree();
    }
    if old_size >= new_size {
        return old == new && proof.is_empty();
    }
    // A complete old tree is a node of the new one; its hash is known and not sent.
    let known = old_size.is_power_of_two().then_some(old_root);
    let mut steps = known.iter().chain(proof).copied();
    let Some(first) = steps.next() else { return false };
    let shift = (old_size - 1).trailing_ones();
    let (mut node, mut last) = ((old_size - 1) >> shift, (new_size - 1) >> shift);
    let (mut old_hash, mut new_hash) = (first, first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            (old_hash, new_hash) = (node_hash(step, old_hash), node_hash(step, new_hash));
            (node, last) = to_right_child(node, last);
        } else {
            new_hash = node_hash(new_hash, step);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && old_hash == old_root && new_hash == new_root
}

/// A node at the right edge may have no sibling on some levels: climbs to where it is a right child, or to the root.
fn to_right_child(node: u64, last: u64) -> (u64, u64) {
    let shift = if node == 0 { 0 } else { node.trailing_zeros() };
    (node >> shift, last >> shift)
}
