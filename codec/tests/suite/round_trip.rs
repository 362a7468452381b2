//! What went in comes out, whatever is lost, as long as k slivers are left.

use codec::{SliverSealer, SliverVerifier, reconstruct};
use proptest::prelude::*;

use crate::sample::{blobs, losses, range_within};

proptest! {
    #[test]
    fn any_range_is_read_with_any_loss(
        blob in blobs(), ends in any::<(u16, u16)>(), seed in any::<u64>(), count in 0_usize..=4,
    ) {
        let lost = losses(blob.scheme(), seed, count);
        let whole = 0..blob.layout.payload_len();
        prop_assert_eq!(&blob.read(whole, &lost).unwrap(), &blob.payload);
        let range = range_within(blob.layout.payload_len(), ends);
        let expected = &blob.payload[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        prop_assert_eq!(&blob.read(range, &lost).unwrap(), expected);
    }

    #[test]
    fn stripes_decoded_together_are_the_stripes_decoded_one_by_one(
        blob in blobs(), ends in any::<(u16, u16)>(), seed in any::<u64>(), count in 1_usize..=4,
    ) {
        let lost = losses(blob.scheme(), seed, count);
        let want: Vec<u8> = lost.iter().map(|index| u8::try_from(*index).unwrap()).collect();
        let stripes = range_within(blob.layout.stripes().into(), ends);
        let stripes = u32::try_from(stripes.start).unwrap()..u32::try_from(stripes.end).unwrap();
        let fetch = |range: std::ops::Range<u64>| -> Vec<(u8, &[u8])> {
            let left = (0..blob.scheme().n()).filter(|index| !lost.contains(index));
            left.map(|index| (u8::try_from(index).unwrap(), blob.fetch(index, range.clone()))).collect()
        };
        let together = reconstruct(blob.scheme(), &fetch(blob.layout.blocks_range(stripes.clone())), &want).unwrap();
        for (place, index) in lost.iter().enumerate() {
            prop_assert_eq!(&together[place].1[..], blob.fetch(*index, blob.layout.blocks_range(stripes.clone())));
            let mut joined = Vec::new();
            for stripe in stripes.clone() {
                let one = reconstruct(blob.scheme(), &fetch(blob.layout.block_range(stripe)), &want).unwrap();
                joined.extend_from_slice(&one[place].1);
            }
            prop_assert_eq!(&together[place].1, &joined);
        }
    }

    /// A repair has no key: it rebuilds the bytes that were there, and knows it by the root.
    #[test]
    fn a_lost_sliver_is_rebuilt_byte_for_byte_without_a_key(blob in blobs(), seed in any::<u64>(), count in 1_usize..=4) {
        for lost in losses(blob.scheme(), seed, count) {
            let identity = blob.identity(lost);
            let mut rebuilt = identity.header_bytes().to_vec();
            let mut sealer = SliverSealer::new(identity.header());
            for stripe in 0..blob.layout.stripes() {
                let range = blob.layout.block_range(stripe);
                let left = (0..blob.scheme().n()).filter(|index| *index != lost);
                let have: Vec<(u8, &[u8])> =
                    left.map(|index| (u8::try_from(index).unwrap(), blob.fetch(index, range.clone()))).collect();
                let block = reconstruct(blob.scheme(), &have, &[identity.index]).unwrap().remove(0).1;
                sealer.push_block(&block);
                rebuilt.extend_from_slice(&block);
            }
            let footer = sealer.seal(blob.layout.content_len, blob.layout.catalog_len);
            rebuilt.extend_from_slice(&footer.bytes);
            prop_assert_eq!(footer.root, blob.encoded.slivers[lost].root);
            prop_assert!(rebuilt == blob.slivers[lost]);
        }
    }

    #[test]
    fn every_sliver_is_verified_in_any_portions(blob in blobs(), portion in 1_usize..=700) {
        for (index, sliver) in blob.slivers.iter().enumerate() {
            let mut verifier = SliverVerifier::new(blob.identity(index), blob.encoded.slivers[index].root);
            sliver.chunks(portion).for_each(|bytes| verifier.push(bytes));
            prop_assert_eq!(verifier.finish(), Ok(()));
        }
    }
}
