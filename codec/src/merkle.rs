//! A Merkle tree over the blocks of a sliver, shaped as in RFC 6962, over keyed BLAKE3.
//!
//! Each kind of hash has its own key, so a leaf can never be taken for a node or a header. Keys are public constants: they separate,
//! they do not protect.

/// Bytes of every hash here.
pub(crate) const HASH_BYTES: usize = 32;

/// A hash.
pub(crate) type Hash = [u8; HASH_BYTES];

/// Key of a block's leaf.
pub(crate) const LEAF_KEY: &Hash = b"Haulout v1 sliver: leaf of block";
const NODE_KEY: &Hash = b"Haulout v1 sliver: node of trees";

/// Proof that a block has its place in a sliver: the hashes beside the path from its leaf to the top, lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerkleProof {
    /// At most one hash for each level of the tree.
    pub path: Vec<[u8; 32]>,
}

/// The leaf of a block.
pub(crate) fn leaf(block: &[u8]) -> Hash {
    *blake3::keyed_hash(LEAF_KEY, block).as_bytes()
}

/// The top of the tree over these leaves; of none, the hash of nothing.
pub(crate) fn top(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => *blake3::keyed_hash(NODE_KEY, b"").as_bytes(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&top(left), &top(right))
        }
    }
}

/// The proof for the leaf at `index`, which must exist.
pub(crate) fn prove(leaves: &[Hash], index: usize) -> MerkleProof {
    let mut path = Vec::new();
    let (mut leaves, mut index) = (leaves, index);
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at(split(leaves.len()));
        if index < left.len() {
            path.push(top(right));
            leaves = left;
        } else {
            path.push(top(left));
            index -= left.len();
            leaves = right;
        }
    }
    path.reverse();
    MerkleProof { path }
}

/// The top of a tree of `size` leaves that has this leaf at `index` and this proof; none when the proof has the wrong length.
pub(crate) fn top_from_proof(leaf: &Hash, index: usize, size: usize, proof: &MerkleProof) -> Option<Hash> {
    if index >= size {
        return None;
    }
    // Going up: `index` is the node's place in its level, `last` the place of the level's last node.
    let (mut index, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for beside in &proof.path {
        if last == 0 {
            return None;
        }
        if index % 2 == 1 || index == last {
            hash = node(beside, &hash);
            // A last node without a neighbour rises unchanged until it has one on its left.
            while index % 2 == 0 && index != 0 {
                index /= 2;
                last /= 2;
            }
        } else {
            hash = node(&hash, beside);
        }
        index /= 2;
        last /= 2;
    }
    (last == 0).then_some(hash)
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let mut both = [0; 2 * HASH_BYTES];
    both[..HASH_BYTES].copy_from_slice(left);
    both[HASH_BYTES..].copy_from_slice(right);
    *blake3::keyed_hash(NODE_KEY, &both).as_bytes()
}

/// How many leaves go left: the largest power of two below `len`.
fn split(len: usize) -> usize {
    len.next_power_of_two() / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(size: usize) -> Vec<Hash> {
        (0..size).map(|index| leaf(&index.to_be_bytes())).collect()
    }

    #[test]
    fn the_tree_has_the_shape_of_rfc_6962() {
        let l = leaves(7);
        let left = node(&node(&l[0], &l[1]), &node(&l[2], &l[3]));
        assert_eq!(top(&l[..1]), l[0]);
        assert_eq!(top(&l[..4]), left);
        assert_eq!(top(&l), node(&left, &node(&node(&l[4], &l[5]), &l[6])));
        assert_ne!(top(&[]), top(&[[0; HASH_BYTES]]));
    }

    #[test]
    fn every_leaf_is_proven_at_its_place_and_at_no_other() {
        for size in 1..=40 {
            let l = leaves(size);
            let expected = top(&l);
            for index in 0..size {
                let proof = prove(&l, index);
                assert_eq!(top_from_proof(&l[index], index, size, &proof), Some(expected), "{index} of {size}");
                assert_ne!(top_from_proof(&leaf(b"forged"), index, size, &proof), Some(expected));
                for wrong in (0..=size).filter(|wrong| *wrong != index) {
                    assert_ne!(
                        top_from_proof(&l[index], wrong, size, &proof),
                        Some(expected),
                        "{index} as {wrong} of {size}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_proof_that_is_too_short_or_too_long_proves_nothing() {
        let l = leaves(11);
        for index in 0..l.len() {
            let mut proof = prove(&l, index);
            proof.path.push([0; HASH_BYTES]);
            assert_ne!(top_from_proof(&l[index], index, l.len(), &proof), Some(top(&l)));
            proof.path.truncate(proof.path.len() - 2);
            assert_ne!(top_from_proof(&l[index], index, l.len(), &proof), Some(top(&l)));
        }
    }
}
