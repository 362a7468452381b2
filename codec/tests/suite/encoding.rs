//! The encoder, stripe by stripe, and how it refuses to be misused.

use codec::{BlobEncoder, EncodeError, StripeShape};
use proptest::prelude::*;

use crate::sample::{CLUSTER, Stored, blob_id, blob_key, blobs, noise, wrapped_key};

fn encoder(shape: StripeShape) -> BlobEncoder {
    BlobEncoder::new(CLUSTER, blob_id(), shape, &blob_key(), wrapped_key())
}

proptest! {
    #[test]
    fn a_streamed_blob_is_the_blob_encoded_at_once(blob in blobs(), cut in 1_usize..=200) {
        let mut encoder = encoder(blob.layout.shape);
        let mut slivers: Vec<Vec<u8>> = encoder.headers().iter().map(|header| header.to_vec()).collect();
        for stripe in 0..blob.layout.stripes() {
            let range = blob.layout.stripe_payload(stripe);
            let payload = &blob.payload[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
            // As frames come from a connection, some of them empty.
            let frames: Vec<&[u8]> = payload.chunks(cut).flat_map(|frame| [frame, &[]]).collect();
            let blocks = encoder.encode_stripe_parts(&frames, stripe + 1 == blob.layout.stripes()).unwrap();
            prop_assert_eq!(blocks.len(), blob.scheme().n());
            slivers.iter_mut().zip(blocks).for_each(|(sliver, block)| sliver.extend_from_slice(&block));
        }
        let footers = encoder.finish(blob.layout.content_len, blob.layout.catalog_len).unwrap();
        for (index, (sliver, footer)) in slivers.iter_mut().zip(footers).enumerate() {
            sliver.extend_from_slice(&footer.bytes);
            prop_assert!(*sliver == blob.slivers[index]);
            prop_assert_eq!(footer.root, blob.encoded.slivers[index].root);
        }
    }
}

#[test]
fn stripes_of_the_wrong_length_are_refused() {
    let shape = StripeShape::new("rs-2-1".parse().unwrap(), 64, 1).unwrap();
    let full = noise(1, shape.stripe_bytes());
    let refused = |payload: &[u8], last| encoder(shape).encode_stripe(payload, last).unwrap_err();
    for (payload, last) in [(&full[1..], false), (&[][..], false), (&[][..], true), (&noise(1, 129)[..], true)] {
        assert_eq!(refused(payload, last), EncodeError::StripeLength { expected: 128, actual: payload.len() });
    }
}

#[test]
fn the_end_is_the_end() {
    let shape = StripeShape::new("rs-2-1".parse().unwrap(), 64, 1).unwrap();
    let full = noise(1, 128);
    let mut ended = encoder(shape);
    ended.encode_stripe(&full, true).unwrap();
    assert_eq!(ended.encode_stripe(&full, true), Err(EncodeError::AfterLast));
    assert_eq!(ended.finish(128, 1).unwrap_err(), EncodeError::Lengths { encoded: 128, stated: 129 });

    let mut unended = encoder(shape);
    unended.encode_stripe(&full, false).unwrap();
    assert_eq!(unended.finish(128, 0).unwrap_err(), EncodeError::Lengths { encoded: 128, stated: 128 });
}

#[test]
fn a_shape_that_cannot_be_used_is_refused_before_anything_is_sealed() {
    let odd = StripeShape { scheme: "rs-2-1".parse().unwrap(), chunk_bytes: 63, chunks_per_block: 1 };
    assert!(matches!(encoder(odd).encode_stripe(&[1], true), Err(EncodeError::Shape(_))));
    assert!(matches!(encoder(odd).finish(0, 0), Err(EncodeError::Shape(_))));
}

#[test]
fn an_empty_blob_has_headers_and_footers_only() {
    let blob = Stored::new(StripeShape::streaming("rs-4-2".parse().unwrap()), b"", b"");
    assert_eq!(blob.layout.stripes(), 0);
    assert!(blob.slivers.iter().all(|sliver| sliver.len() == 256 + 96));
    assert_eq!(blob.read(0..10, &[]).unwrap(), b"");
}

/// Providers see only ciphertext: no run of the content appears in any sliver.
#[test]
fn slivers_show_nothing_of_the_content() {
    let canary = b"the canary sings in the mine";
    let blob = Stored::new(StripeShape::new("rs-2-2".parse().unwrap(), 64, 2).unwrap(), &canary.repeat(40), canary);
    for sliver in &blob.slivers {
        assert!(!sliver.windows(8).any(|window| canary.windows(8).any(|part| part == window)));
    }
}
