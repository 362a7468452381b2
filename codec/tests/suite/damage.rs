//! Nothing that happens to a sliver goes unnoticed.

use codec::{BlobLayout, Footer, OpenError, Root, SliverError, SliverVerifier, StripeShape};

use crate::sample::{Stored, noise};

/// Two stripes, the second short: 2 data slivers, 1 parity sliver.
fn blob() -> Stored {
    let shape = StripeShape::new("rs-2-1".parse().unwrap(), 48, 2).unwrap();
    Stored::new(shape, &noise(1, 250), b"and a catalog")
}

fn verify(blob: &Stored, index: usize, bytes: &[u8]) -> Result<(), SliverError> {
    let mut verifier = SliverVerifier::new(blob.identity(index), blob.encoded.slivers[index].root);
    bytes.chunks(100).for_each(|portion| verifier.push(portion));
    verifier.finish()
}

fn header_and_footer<'a>(blob: &Stored, sliver: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    let header = usize::try_from(BlobLayout::header_len()).unwrap();
    let footer = usize::try_from(blob.layout.footer_range().start).unwrap();
    (&sliver[..header], &sliver[footer..])
}

#[test]
fn every_flipped_bit_is_noticed() {
    let blob = blob();
    let sound = &blob.slivers[0];
    let root = blob.encoded.slivers[0].root;
    let (header, footer) = header_and_footer(&blob, sound);
    let proven = Footer::parse(&blob.identity(0), header, footer, &root).unwrap();
    for bit in 0..8 * sound.len() {
        let mut damaged = sound.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let verdict = verify(&blob, 0, &damaged);
        assert!(verdict.is_err(), "bit {bit} of byte {}", bit / 8);

        let at = (bit / 8) as u64;
        let stripe = (0..blob.layout.stripes()).find(|stripe| blob.layout.block_range(*stripe).contains(&at));
        let (header, footer) = header_and_footer(&blob, &damaged);
        let parsed = Footer::parse(&blob.identity(0), header, footer, &root);
        match stripe {
            Some(stripe) => {
                assert_eq!(verdict, Err(SliverError::Blocks { first: stripe, count: 1 }));
                assert_eq!(parsed.as_ref(), Ok(&proven), "the footer is sound");
                let range = blob.layout.block_range(stripe);
                let block = &damaged[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
                assert!(!proven.block_is_genuine(stripe, block));
            }
            None => assert!(parsed.is_err(), "byte {at} of header or footer"),
        }
    }
}

#[test]
fn every_truncation_and_every_addition_is_noticed() {
    let blob = blob();
    for (index, sound) in blob.slivers.iter().enumerate() {
        assert_eq!(verify(&blob, index, sound), Ok(()));
        for len in 0..sound.len() {
            assert!(matches!(verify(&blob, index, &sound[..len]), Err(SliverError::Length { .. })), "{len} bytes");
        }
        let longer = [sound.as_slice(), &[0]].concat();
        assert!(matches!(verify(&blob, index, &longer), Err(SliverError::Length { .. })));
    }
}

#[test]
fn a_sound_sliver_of_something_else_is_foreign() {
    let blob = blob();
    assert_eq!(verify(&blob, 0, &blob.slivers[1]), Err(SliverError::Foreign("index")));

    let (header, footer) = header_and_footer(&blob, &blob.slivers[0]);
    let root = blob.encoded.slivers[0].root;
    let mut identity = blob.identity(0);
    identity.cluster.0[0] ^= 1;
    assert_eq!(Footer::parse(&identity, header, footer, &root), Err(SliverError::Foreign("cluster")));
    let mut identity = blob.identity(0);
    identity.blob.0[0] ^= 1;
    assert_eq!(Footer::parse(&identity, header, footer, &root), Err(SliverError::Foreign("blob")));
    let mut identity = blob.identity(0);
    identity.layout.content_len += 1;
    assert_eq!(Footer::parse(&identity, header, footer, &root), Err(SliverError::Foreign("length")));
}

/// Stale, swapped or forged: consistent, with the right names, and still not what was acknowledged.
#[test]
fn a_consistent_sliver_with_other_content_does_not_have_the_root() {
    let blob = blob();
    let other = Stored::new(blob.layout.shape, &noise(2, 250), b"and a catalog");
    assert_eq!(verify(&blob, 0, &other.slivers[0]), Err(SliverError::Root));
    let (header, footer) = header_and_footer(&blob, &other.slivers[0]);
    let parsed = Footer::parse(&blob.identity(0), header, footer, &blob.encoded.slivers[0].root);
    assert_eq!(parsed, Err(SliverError::Root));
    assert!(Footer::parse(&blob.identity(0), header, footer, &Root([0; 32])).is_err());
}

#[test]
fn one_block_is_proven_to_whoever_has_the_root() {
    let blob = Stored::new(StripeShape::new("rs-2-1".parse().unwrap(), 16, 1).unwrap(), &noise(3, 300), b"");
    assert!(blob.layout.stripes() > 8);
    for index in 0..3 {
        let (identity, root) = (blob.identity(index), blob.encoded.slivers[index].root);
        let (header, footer) = header_and_footer(&blob, &blob.slivers[index]);
        let footer = Footer::parse(&identity, header, footer, &root).unwrap();
        for stripe in 0..blob.layout.stripes() {
            let proof = footer.prove(stripe).unwrap();
            let block = blob.fetch(index, blob.layout.block_range(stripe));
            assert!(identity.block_is_proven(&root, stripe, block, &proof));
            assert!(!identity.block_is_proven(&root, (stripe + 1) % blob.layout.stripes(), block, &proof));
            assert!(!identity.block_is_proven(&root, stripe, &block[1..], &proof));
            assert!(!identity.block_is_proven(&Root([9; 32]), stripe, block, &proof));
        }
        assert_eq!(footer.prove(blob.layout.stripes()), None);
        assert!(!footer.block_is_genuine(blob.layout.stripes(), b""));
    }
}

#[test]
fn a_damaged_chunk_does_not_open() {
    let blob = blob();
    let opener = blob.opener();
    assert!(blob.layout.pieces(0..blob.layout.payload_len()).count() > 1);
    for piece in blob.layout.pieces(0..blob.layout.payload_len()) {
        let sealed = blob.fetch(piece.index.into(), piece.sliver_range.clone());
        for bit in 0..8 * sealed.len() {
            let mut damaged = sealed.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(opener.open(&piece, damaged.as_slice().into()), Err(OpenError::NotGenuine { .. })));
        }
        let short = opener.open(&piece, sealed[1..].into());
        assert_eq!(short, Err(OpenError::Length { expected: sealed.len(), actual: sealed.len() - 1 }));
    }
}

/// The provider of a data sliver may rearrange it; the cipher knows where each chunk belongs.
#[test]
fn chunks_cannot_change_places() {
    let blob = blob();
    let opener = blob.opener();
    let pieces: Vec<_> =
        (0..blob.layout.payload_len()).step_by(48).flat_map(|at| blob.layout.pieces(at..at + 1)).collect();
    assert!(pieces.len() > 1);
    for here in &pieces {
        for there in pieces.iter().filter(|there| there.sealed_len() == here.sealed_len()) {
            let bytes = blob.fetch(there.index.into(), there.sliver_range.clone());
            assert_eq!(
                opener.open(here, bytes.into()).is_ok(),
                here.sliver_range == there.sliver_range && here.index == there.index
            );
        }
    }
}

/// A blob cut at a chunk's end has a last chunk that does not say it is the last.
#[test]
fn content_cannot_be_cut_short() {
    let mut blob = Stored::new(StripeShape::new("copy-2".parse().unwrap(), 48, 2).unwrap(), &noise(4, 192), b"");
    assert_eq!(blob.read(0..192, &[]).unwrap(), blob.payload);
    blob.layout.content_len = 96;
    assert_eq!(blob.read(0..96, &[]), Err(OpenError::NotGenuine { chunk: 1 }));
}
