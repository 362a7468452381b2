//! Slivers read with no knowledge of what they are, and bytes that only look like slivers.

use codec::{FOOTER_TAIL_BYTES, FooterTail, HEADER_BYTES, SelfDescribed, SliverError, SliverHeader, StripeShape};
use proptest::prelude::*;

use crate::sample::{BLOB_KEY, Stored, blob_id, blobs, cluster_key, noise};

/// What recovery does with a file: the tail says where the footer begins, header and footer then say everything else.
fn describe(sliver: &[u8]) -> Result<SelfDescribed, SliverError> {
    let tail = FooterTail::parse(&sliver[sliver.len().saturating_sub(FOOTER_TAIL_BYTES)..])?;
    let footer_len = usize::try_from(tail.footer_len()).unwrap();
    let header = &sliver[..sliver.len().min(HEADER_BYTES)];
    SelfDescribed::parse(header, &sliver[sliver.len().saturating_sub(footer_len)..], sliver.len() as u64)
}

proptest! {
    #[test]
    fn a_sliver_says_what_it_is(blob in blobs()) {
        for (index, sliver) in blob.slivers.iter().enumerate() {
            let found = describe(sliver).unwrap();
            prop_assert_eq!(found.identity, blob.identity(index));
            prop_assert_eq!(found.root, blob.encoded.slivers[index].root);
            for stripe in 0..blob.layout.stripes() {
                prop_assert!(found.footer.block_is_genuine(stripe, blob.fetch(index, blob.layout.block_range(stripe))));
            }
        }
    }

    #[test]
    fn garbage_is_not_a_sliver(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        prop_assert!(SliverHeader::parse(&bytes).is_err());
        prop_assert!(FooterTail::parse(&bytes).is_err());
        prop_assert!(SelfDescribed::parse(&bytes, &bytes, bytes.len() as u64).is_err());
    }

    /// Garbage with the right beginning and end gets further, and no further than it should.
    #[test]
    fn garbage_in_disguise_is_not_a_sliver(mut bytes in prop::collection::vec(any::<u8>(), 96..700)) {
        bytes[..10].copy_from_slice(b"HAULSLIV\x00\x01");
        let end = bytes.len() - 8;
        bytes[end..].copy_from_slice(b"HAULTAIL");
        prop_assert!(SliverHeader::parse(&bytes).is_err());
        prop_assert!(SelfDescribed::parse(&bytes, &bytes, bytes.len() as u64).is_err());
    }

    #[test]
    fn a_damaged_sliver_describes_itself_rightly_or_not_at_all(blob in blobs(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let sound = &blob.slivers[0];
        let place = at.index(sound.len());
        let mut damaged = sound.clone();
        damaged[place] ^= 1 << bit;
        // Damage in a block is not the business of header and footer.
        if let Ok(found) = describe(&damaged) {
            prop_assert_eq!(found, describe(sound).unwrap());
            prop_assert!((HEADER_BYTES as u64..blob.layout.footer_range().start).contains(&(place as u64)));
        }
        prop_assert!(describe(&sound[..place]).is_err());
    }
}

#[test]
fn a_header_of_another_version_says_which() {
    let blob = Stored::new(StripeShape::streaming("rs-4-2".parse().unwrap()), b"", b"");
    let mut header = blob.slivers[0][..HEADER_BYTES].to_vec();
    header[9] = 2;
    assert_eq!(SliverHeader::parse(&header), Err(SliverError::Version(2)));
    assert_eq!(SliverHeader::parse(&header[1..]), Err(SliverError::NotASliver));
}

/// With the cluster key, k slivers and nothing else, content and catalog come back.
#[test]
fn k_slivers_and_the_cluster_key_are_enough() {
    let content = noise(1, 5000);
    let blob = Stored::new(StripeShape::new("rs-3-2".parse().unwrap(), 256, 2).unwrap(), &content, b"catalog");
    let found = describe(&blob.slivers[4]).unwrap();
    let key = cluster_key().unwrap_key(&found.identity.blob, &found.identity.wrapped_key).unwrap();
    assert_eq!(found.identity.blob, blob_id());
    let opener = codec::BlobOpener::new(found.identity.blob, &key, found.identity.layout);
    assert_eq!(blob.read(0..blob.layout.payload_len(), &[0, 2]).unwrap(), [content.as_slice(), b"catalog"].concat());
    let first = found.identity.layout.pieces(0..10).next().unwrap();
    let opened = opener.open(&first, blob.fetch(0, first.sliver_range.clone()).into()).unwrap();
    assert_eq!(opened.concat(), content[..10]);
    assert!(!blob.slivers.concat().windows(32).any(|window| window == BLOB_KEY), "the key itself is nowhere");
}
