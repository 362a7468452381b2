//! What every erasure scheme must do, checked on every implementation.

use bytes::Bytes;

use super::{ErasureScheme, ReconstructError, coder};
use crate::{EncodeError, Scheme};

#[test]
fn every_scheme_conforms() {
    let schemes = [
        "rs-1-1",
        "rs-1-3",
        "rs-2-1",
        "rs-4-2",
        "rs-5-5",
        "rs-3-7",
        "rs-6-3",
        "rs-8-4",
        "rs-10-4",
        "rs-17-3",
        "rs-29-51",
        "rs-200-55",
        "rs-55-200",
        "rs-254-1",
        "copy-1",
        "copy-2",
        "copy-3",
        "copy-255",
    ];
    for text in schemes {
        let scheme: Scheme = text.parse().unwrap();
        let coder = coder(scheme);
        assert_eq!((coder.k(), coder.m(), coder.n()), (scheme.k(), scheme.m(), scheme.n()));
        for len in [64, 192] {
            any_k_blocks_give_all(&*coder, len);
        }
        too_few_blocks_are_not_enough(&*coder);
        stripes_may_be_concatenated(&*coder);
        wrong_blocks_are_refused(&*coder);
        blocks_may_be_empty(&*coder);
    }
}

/// Longer than any column, so that blocks are coded in several.
#[test]
fn long_blocks_conform_too() {
    for text in ["rs-2-1", "rs-4-2", "rs-17-3", "copy-3"] {
        any_k_blocks_give_all(&*coder(text.parse().unwrap()), (40 << 10) + 64);
    }
}

fn any_k_blocks_give_all(coder: &dyn ErasureScheme, len: usize) {
    let blocks = stripe(coder, 1, len);
    let everything: Vec<u8> = (0..coder.n()).map(index).collect();
    for lost in losses(coder) {
        let have = without(&blocks, &lost);
        let rebuilt = coder.reconstruct(&have, &everything).unwrap();
        assert_eq!(rebuilt.len(), coder.n());
        for (index, block) in rebuilt {
            assert!(block == blocks[usize::from(index)], "block {index} with {lost:?} lost");
        }
        // The order of the blocks does not matter, nor do copies of them.
        let shuffled: Vec<_> = have.iter().rev().chain(&have).copied().collect();
        for wanted in lost.iter().take(3) {
            let rebuilt = coder.reconstruct(&shuffled, &[index(*wanted)]).unwrap();
            assert!(rebuilt == [(index(*wanted), blocks[*wanted].to_vec())]);
            let twice = coder.reconstruct(&have, &[index(*wanted); 2]).unwrap();
            assert!(twice == [rebuilt.clone(), rebuilt].concat());
        }
    }
}

fn too_few_blocks_are_not_enough(coder: &dyn ErasureScheme) {
    let blocks = stripe(coder, 2, 64);
    let have: Vec<_> = without(&blocks, &[]).into_iter().skip(coder.n() - coder.k() + 1).collect();
    let twice: Vec<_> = have.iter().chain(&have).copied().collect();
    let refused = coder.reconstruct(&twice, &[0]);
    assert_eq!(refused, Err(ReconstructError::NotEnough { have: coder.k() - 1, need: coder.k() }));
}

fn stripes_may_be_concatenated(coder: &dyn ErasureScheme) {
    let stripes = [stripe(coder, 3, 64), stripe(coder, 4, 256), stripe(coder, 5, 128)];
    let joined: Vec<Bytes> =
        (0..coder.n()).map(|i| stripes.iter().flat_map(|stripe| stripe[i].to_vec()).collect()).collect();
    assert!(coder.encode(&joined[..coder.k()]).unwrap() == joined[coder.k()..]);
    let lost: Vec<usize> = (0..coder.m()).collect();
    let want: Vec<u8> = lost.iter().copied().map(index).collect();
    let together = coder.reconstruct(&without(&joined, &lost), &want).unwrap();
    let one_by_one = stripes.each_ref().map(|stripe| coder.reconstruct(&without(stripe, &lost), &want).unwrap());
    for (place, (index, block)) in together.iter().enumerate() {
        let parts: Vec<u8> = one_by_one.iter().flat_map(|blocks| blocks[place].1.clone()).collect();
        assert!(*block == parts, "block {index}");
    }
}

fn wrong_blocks_are_refused(coder: &dyn ErasureScheme) {
    let blocks = stripe(coder, 6, 128);
    let mut have = without(&blocks, &[]);
    if coder.n() < Scheme::SLIVERS_MAX {
        let beyond = index(coder.n());
        assert_eq!(coder.reconstruct(&have, &[beyond]), Err(ReconstructError::Index { index: beyond, n: coder.n() }));
    }
    if coder.n() > 1 {
        have[1].1 = &have[1].1[..64];
        assert_eq!(coder.reconstruct(&have, &[0]), Err(ReconstructError::Length(64)));
    }
    let odd: Vec<_> = without(&blocks, &[]).into_iter().map(|(index, block)| (index, &block[..62])).collect();
    assert_eq!(coder.reconstruct(&odd, &[0]), Err(ReconstructError::Length(62)));

    let data = &blocks[..coder.k()];
    assert_eq!(coder.encode(&data[1..]), Err(EncodeError::Blocks));
    assert_eq!(coder.encode(&[data, data].concat()), Err(EncodeError::Blocks));
    let odd: Vec<Bytes> = data.iter().map(|block| block.slice(1..)).collect();
    assert_eq!(coder.encode(&odd), Err(EncodeError::Blocks));
}

fn blocks_may_be_empty(coder: &dyn ErasureScheme) {
    let blocks = stripe(coder, 7, 0);
    let lost: Vec<usize> = (0..coder.m()).collect();
    assert_eq!(coder.reconstruct(&without(&blocks, &lost), &[0]).unwrap(), [(0, Vec::new())]);
}

/// All n blocks of a stripe with arbitrary data.
fn stripe(coder: &dyn ErasureScheme, seed: u64, len: usize) -> Vec<Bytes> {
    let mut state = seed;
    let mut random = || (0..len).map(|_| next(&mut state).to_le_bytes()[0]).collect::<Bytes>();
    let mut blocks: Vec<Bytes> = (0..coder.k()).map(|_| random()).collect();
    let parity = coder.encode(&blocks).unwrap();
    assert_eq!(parity.len(), coder.m());
    assert!(parity.iter().all(|block| block.len() == len));
    blocks.extend(parity);
    blocks
}

/// Every loss of m blocks when those are few, else the extremes and some at random.
fn losses(coder: &dyn ErasureScheme) -> Vec<Vec<usize>> {
    let (n, m) = (coder.n(), coder.m());
    if n <= 10 {
        let patterns = (0_u32..1 << n).filter(|pattern| pattern.count_ones() as usize == m);
        return patterns.map(|pattern| (0..n).filter(|i| pattern >> i & 1 == 1).collect()).collect();
    }
    let mut state = n as u64;
    let mut losses = vec![(0..m).collect(), (n - m..n).collect()];
    for _ in 0..6 {
        let mut all: Vec<usize> = (0..n).collect();
        all.sort_by_cached_key(|_| next(&mut state));
        all.truncate(m);
        losses.push(all);
    }
    losses
}

fn without<'a>(blocks: &'a [Bytes], lost: &[usize]) -> Vec<(u8, &'a [u8])> {
    (0..blocks.len()).filter(|i| !lost.contains(i)).map(|i| (index(i), blocks[i].as_ref())).collect()
}

fn index(i: usize) -> u8 {
    u8::try_from(i).unwrap()
}

/// SplitMix64: enough disorder for a test, the same on every machine.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
