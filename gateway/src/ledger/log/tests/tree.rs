//! The tree against a naive one, the published vectors, and another implementation.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tlog_tiles::{HashReader, Tile};

use crate::ledger::log::tree::{
    Frontier, Hash, TILE_WIDTH, TileBuilder, TileKind, TilePath, TiledTree, bundles_of, consistency_proof,
    decode_bundle, encode_bundle, encode_hashes, inclusion_proof, is_consistent, is_included, leaf_hash, node_hash,
    root_of_range, tiles_of,
};

/// RFC 6962, section 2.1, word by word.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of_empty_tree(),
        [leaf] => *leaf,
        _ => {
            let middle = leaves.len().next_power_of_two() / 2;
            node_hash(naive_root(&leaves[..middle]), naive_root(&leaves[middle..]))
        }
    }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

fn naive_subtree(leaves: &[Hash], level: u8, index: u64) -> Result<Hash, ()> {
    let from = usize::try_from(index << level).unwrap();
    Ok(naive_root(leaves.get(from..from + (1 << level)).ok_or(())?))
}

/// The files of the tiles of a tree.
fn tiles(leaves: &[Hash]) -> BTreeMap<TilePath, Vec<Hash>> {
    let (mut builder, mut files) = (TileBuilder::default(), BTreeMap::new());
    for leaf in leaves {
        files.extend(builder.push(*leaf));
    }
    files.extend(builder.partial().map(|(path, hashes)| (path, hashes.to_vec())));
    files
}

#[test]
fn roots_are_those_of_the_published_vectors() {
    let inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::default();
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(hex::encode(frontier.root().0), empty);
    for (input, root) in inputs.iter().zip(roots) {
        frontier.push(leaf_hash(&hex::decode(input).unwrap()));
        assert_eq!(hex::encode(frontier.root().0), root);
    }
    assert_eq!(Frontier::new(frontier.size(), frontier.peaks().to_vec()), Some(frontier.clone()));
    assert_eq!(Frontier::new(7, frontier.peaks().to_vec()), None);
}

#[test]
fn every_proof_of_small_trees_verifies_and_no_other_does() {
    let all = leaves(40);
    for size in 1..=40_u64 {
        let tree = &all[..usize::try_from(size).unwrap()];
        let (root, subtrees) = (naive_root(tree), |level, index| naive_subtree(tree, level, index));
        assert_eq!(root_of_range(0..size, &subtrees), Ok(root));
        for index in 0..size {
            let leaf = tree[usize::try_from(index).unwrap()];
            let proof = inclusion_proof(index, size, &subtrees).unwrap();
            assert!(is_included(leaf, index, &proof, size, root));
            for other in (0..=size).filter(|other| *other != index) {
                assert!(!is_included(leaf, other, &proof, size, root), "{index} as {other} of {size}");
            }
            assert!(!is_included(leaf, index, &[proof.as_slice(), &[leaf]].concat(), size, root));
            assert!(proof.is_empty() || !is_included(leaf, index, &proof[1..], size, root));
        }
        for old in 0..=size {
            let old_root = naive_root(&all[..usize::try_from(old).unwrap()]);
            let proof = consistency_proof(old, size, &subtrees).unwrap();
            assert!(is_consistent((old, old_root), (size, root), &proof), "{old} {size}");
            assert!(!is_consistent((old, Hash([7; 32])), (size, root), &proof));
            assert!(!is_consistent((old, old_root), (size, root), &[proof.as_slice(), &[root]].concat()));
            if old > 0 && old < size {
                assert!(!is_consistent((old, old_root), (size, Hash([7; 32])), &proof));
                assert!(!is_consistent((old, old_root), (size, root), &proof[1..]));
            }
            for other in (1..size).filter(|other| *other != old) {
                assert!(!is_consistent((other, old_root), (size, root), &proof), "{old} as {other} of {size}");
            }
        }
    }
}

#[test]
fn tiles_are_those_that_the_tree_has() {
    let sizes = [0, 1, 2, 255, 256, 257, 70_000, 65_536, 65_537];
    let all = leaves(70_000);
    for size in sizes {
        let tree = &all[..size];
        let size = u64::try_from(size).unwrap();
        let files = tiles(tree);
        assert_eq!(files.keys().copied().collect::<Vec<_>>(), tiles_of(size).collect::<Vec<_>>());
        for (path, hashes) in &files {
            assert_eq!(hashes.len(), usize::from(path.width));
            assert_eq!(path.to_string().parse(), Ok(*path));
        }
        let tiled = TiledTree::new(size, |path| Ok(encode_hashes(&files[&path])));
        assert_eq!(tiled.root(u64::MAX), Ok(naive_root(tree)));
        let old = size / 3;
        let proof = tiled.consistency_proof(old, size).unwrap();
        let old_root = naive_root(&all[..usize::try_from(old).unwrap()]);
        assert!(is_consistent((old, old_root), (size, naive_root(tree)), &proof));
        if size > 0 {
            let proof = tiled.inclusion_proof(old, size).unwrap();
            assert!(is_included(all[usize::try_from(old).unwrap()], old, &proof, size, naive_root(tree)));
        }
    }
    // The example of the specification.
    let of_70_000: Vec<_> = tiles_of(70_000).collect();
    assert_eq!(of_70_000.len(), 273 + 1 + 1 + 1 + 1);
    assert_eq!(of_70_000[273].to_string(), "tile/0/273.p/112");
    assert_eq!(of_70_000[275].to_string(), "tile/1/001.p/17");
    assert_eq!(of_70_000[276].to_string(), "tile/2/000.p/1");
    assert_eq!(
        bundles_of(257).map(|path| path.to_string()).collect::<Vec<_>>(),
        ["tile/entries/000", "tile/entries/001.p/1"]
    );
}

#[test]
fn a_tile_has_one_path() {
    let path = |text: &str| text.parse::<TilePath>();
    let kind = TileKind::Hashes(0);
    assert_eq!(path("tile/0/x001/x234/067"), Ok(TilePath { kind, index: 1_234_067, width: TILE_WIDTH }));
    for text in [
        "",
        "tile/",
        "tile/0/",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/xx001/002",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/entry/000",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/x99999999999999999999/000",
    ] {
        assert!(path(text).is_err(), "{text}");
    }
    let last = TilePath { kind: TileKind::Entries, index: u64::MAX, width: 1 };
    assert_eq!(path(&last.to_string()), Ok(last));
}

struct Files(BTreeMap<TilePath, Vec<Hash>>);

impl HashReader for Files {
    /// Their numbering of hashes, answered from our files.
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let read = |index: &u64| {
            let tile = Tile::from_index(8, *index);
            let path = self
                .0
                .keys()
                .find(|path| path.kind == TileKind::Hashes(tile.level()) && path.index == tile.level_index());
            tile.hash_at_index(&encode_hashes(&self.0[path.unwrap()]), *index)
        };
        indexes.iter().map(read).collect()
    }
}

#[test]
fn another_implementation_reads_our_tiles_and_makes_the_same_proofs() {
    for size in [1, 5, 255, 256, 300, 1_000_u64] {
        let all = leaves(size);
        let files = Files(tiles(&all));
        for path in files.0.keys() {
            let tile = Tile::from_path(&path.to_string().replacen("tile/", "tile/8/", 1)).unwrap();
            assert_eq!((tile.level_index(), tile.width()), (path.index, u32::from(path.width)));
        }
        let root = naive_root(&all);
        assert_eq!(tlog_tiles::tree_hash(size, &files).unwrap().0, root.0);
        let ours = TiledTree::new(size, |path| Ok(encode_hashes(&files.0[&path])));
        for index in [0, size / 2, size - 1] {
            let theirs = tlog_tiles::prove_record(size, index, &files).unwrap();
            let proof: Vec<_> = theirs.iter().map(|hash| Hash(hash.0)).collect();
            assert_eq!(ours.inclusion_proof(index, size), Ok(proof));
            let theirs = tlog_tiles::prove_tree(size, index + 1, &files).unwrap();
            let proof: Vec<_> = theirs.iter().map(|hash| Hash(hash.0)).collect();
            assert_eq!(ours.consistency_proof(index + 1, size), Ok(proof));
        }
    }
}

proptest! {
    #[test]
    fn a_frontier_has_the_root_of_the_whole_tree(count in 0_u64..2_000) {
        let all = leaves(count);
        let mut frontier = Frontier::default();
        for leaf in &all {
            frontier.push(*leaf);
        }
        prop_assert_eq!(frontier.root(), naive_root(&all));
        prop_assert_eq!(frontier.peaks().len(), usize::try_from(count.count_ones()).unwrap());
    }

    #[test]
    fn proofs_of_large_trees_verify(size in 1_u64..3_000, at in any::<prop::sample::Index>(), flip in 0_usize..256) {
        let all = leaves(size);
        let index = u64::try_from(at.index(all.len())).unwrap();
        let files = tiles(&all);
        let tree = TiledTree::new(size, |path| Ok(encode_hashes(&files[&path])));
        let root = naive_root(&all);
        let mut proof = tree.inclusion_proof(index, size).unwrap();
        let leaf = all[at.index(all.len())];
        prop_assert!(is_included(leaf, index, &proof, size, root));
        let old_root = naive_root(&all[..=at.index(all.len())]);
        let mut consistency = tree.consistency_proof(index + 1, size).unwrap();
        prop_assert!(is_consistent((index + 1, old_root), (size, root), &consistency));
        let step = flip % proof.len().max(1);
        if let Some(hash) = proof.get_mut(step) {
            hash.0[flip / 8] ^= 1 << (flip % 8);
            prop_assert!(!is_included(leaf, index, &proof, size, root));
        }
        let step = flip % consistency.len().max(1);
        if let Some(hash) = consistency.get_mut(step) {
            hash.0[flip / 8] ^= 1 << (flip % 8);
            prop_assert!(!is_consistent((index + 1, old_root), (size, root), &consistency));
        }
    }

    #[test]
    fn a_bundle_is_read_as_it_was_written(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..=256)) {
        let bytes = encode_bundle(entries.iter().map(Vec::as_slice)).unwrap();
        let width = u16::try_from(entries.len()).unwrap();
        prop_assert_eq!(decode_bundle(&bytes, width).unwrap(), entries);
        prop_assert!(decode_bundle(&[bytes.as_slice(), &[0]].concat(), width).is_err());
        if let Some(short) = bytes.len().checked_sub(1) {
            prop_assert!(decode_bundle(&bytes[..short], width).is_err());
        }
    }

    #[test]
    fn whatever_reads_as_a_path_is_written_so(text in "tile/(entries|[0-9]{1,2})/(x[0-9]{3}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?") {
        if let Ok(path) = text.parse::<TilePath>() {
            prop_assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn proofs_of_any_form_do_no_harm(index in any::<u64>(), sizes in any::<[u64; 2]>(), hashes in prop::collection::vec(any::<[u8; 32]>(), 0..70)) {
        let proof: Vec<_> = hashes.into_iter().map(Hash).collect();
        prop_assert!(!is_included(Hash([1; 32]), index, &proof, sizes[0], Hash([2; 32])));
        prop_assert!(!is_consistent((sizes[0], Hash([1; 32])), (sizes[1], Hash([2; 32])), &proof));
    }
}
