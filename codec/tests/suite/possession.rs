//! Whoever proves possession has the bytes, and nobody else does.

use codec::{PossessionError, PossessionProof, SAMPLE_BYTES, SamplePosition, Scheme, SelfDescribed, StripeShape};
use proptest::prelude::*;

use crate::sample::{Stored, noise};

/// Blocks of up to some 20 KiB, so that there are paths inside of them.
fn blob(seed: u64, len: usize) -> Stored {
    let shape = StripeShape::new(Scheme::reed_solomon(2, 1).unwrap(), 2_048, 10).unwrap();
    Stored::new(shape, &noise(seed, len), b"and a catalog")
}

/// What a provider can do with a sliver and nothing else.
fn prove(sliver: &[u8], position: SamplePosition) -> Result<PossessionProof, PossessionError> {
    let header = &sliver[..codec::HEADER_BYTES];
    let tail = codec::FooterTail::parse(sliver).unwrap();
    let footer = &sliver[sliver.len() - usize::try_from(tail.footer_len()).unwrap()..];
    let described = SelfDescribed::parse(header, footer, sliver.len() as u64).unwrap();
    let range = described.identity.layout.block_range(position.stripe);
    let block = &sliver[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
    PossessionProof::new(&described, position, block)
}

fn positions(blob: &Stored) -> impl Iterator<Item = SamplePosition> {
    let layout = blob.layout;
    (0..SamplePosition::count(&layout)).map(move |number| SamplePosition::nth(&layout, number).unwrap())
}

#[test]
fn every_sample_of_every_sliver_can_be_proven() {
    for len in [1, 1_000, 40_960, 41_000, 90_000] {
        let blob = blob(len as u64, len);
        for (index, sliver) in blob.slivers.iter().enumerate() {
            let root = blob.encoded.slivers[index].root;
            for position in positions(&blob) {
                let proof = prove(sliver, position).unwrap();
                assert_eq!(proof.verify(&blob.identity(index), &root, position), Ok(()), "{position:?} of {len}");
                let bytes = proof.to_bytes();
                assert!(bytes.len() <= PossessionProof::BYTES_MAX.min(2_048), "two kilobytes are enough");
                assert_eq!(PossessionProof::parse(&bytes), Ok(proof));
            }
        }
    }
}

#[test]
fn a_proof_is_for_one_place_of_one_sliver() {
    let blob = blob(1, 90_000);
    let another = self::blob(2, 90_000);
    for position in positions(&blob) {
        let proof = prove(&blob.slivers[0], position).unwrap();
        for other in positions(&blob).filter(|other| *other != position) {
            let verdict = proof.verify(&blob.identity(0), &blob.encoded.slivers[0].root, other);
            assert!(verdict.is_err(), "{position:?} answered for {other:?}");
        }
        let as_another_index = proof.verify(&blob.identity(1), &blob.encoded.slivers[1].root, position);
        assert_eq!(as_another_index, Err(PossessionError::Root));
        let as_another_blob = proof.verify(&another.identity(0), &another.encoded.slivers[0].root, position);
        assert_eq!(as_another_blob, Err(PossessionError::Root));
    }
}

#[test]
fn positions_that_do_not_exist_are_the_questions_fault() {
    let blob = blob(3, 41_000);
    let sound = prove(&blob.slivers[0], SamplePosition { stripe: 0, sample: 0 }).unwrap();
    let root = blob.encoded.slivers[0].root;
    for position in [(0, 99), (2, 0), (u32::MAX, 0), (0, u32::MAX), (1, 5)] {
        let position = SamplePosition { stripe: position.0, sample: position.1 };
        assert_eq!(sound.verify(&blob.identity(0), &root, position), Err(PossessionError::Position));
    }
}

proptest! {
    #[test]
    fn a_changed_bit_proves_nothing(seed: u64, len in 1_usize..60_000, number: u64, bit: u64) {
        let blob = blob(seed, len);
        let position = SamplePosition::nth(&blob.layout, number % SamplePosition::count(&blob.layout)).unwrap();
        let proof = prove(&blob.slivers[0], position).unwrap();
        let mut bytes = proof.to_bytes();
        let bit = usize::try_from(bit % (8 * bytes.len() as u64)).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let verdict = PossessionProof::parse(&bytes)
            .and_then(|proof| proof.verify(&blob.identity(0), &blob.encoded.slivers[0].root, position));
        prop_assert!(verdict.is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..3_000)) {
        if let Ok(proof) = PossessionProof::parse(&bytes) {
            prop_assert!(proof.sample.len() <= SAMPLE_BYTES);
            prop_assert_eq!(proof.to_bytes(), bytes, "one proof has one spelling");
        }
    }
}
