//! Where bytes lie.

use codec::{BlobLayout, Scheme, StripeShape};
use proptest::prelude::*;

use crate::sample::{blobs, range_within, shapes};

proptest! {
    #[test]
    fn pieces_cover_a_range_exactly(shape in shapes(), content_len in 0_u64..=20_000, ends in any::<(u16, u16)>()) {
        let layout = BlobLayout { shape, content_len, catalog_len: 77 };
        let range = range_within(layout.payload_len(), ends);
        let mut at = range.start;
        for piece in layout.pieces(range.clone()) {
            prop_assert_eq!(piece.payload_range.start, at);
            prop_assert!(piece.content_len() > 0);
            at += piece.content_len() as u64;
            prop_assert_eq!(piece.payload_range.end, at);
            prop_assert!(usize::from(piece.index) < shape.scheme.k());
            prop_assert_eq!(layout.stripes_of(piece.payload_range.clone()), piece.stripe..piece.stripe + 1);
            let block = layout.block_range(piece.stripe);
            prop_assert_eq!(piece.sliver_range.start, block.start + piece.block_offset() as u64);
            prop_assert_eq!(piece.sliver_range.end - piece.sliver_range.start, piece.sealed_len() as u64);
            prop_assert!(piece.sliver_range.end <= block.end);
            // Never more than a chunk too much at either end.
            let sealed_chunk = shape.chunk_bytes as usize + codec::TAG_BYTES;
            let wanted_chunks = piece.content_len().div_ceil(shape.chunk_bytes as usize) + 1;
            prop_assert!(piece.sealed_len() <= wanted_chunks * sealed_chunk);
        }
        prop_assert_eq!(at, range.end.max(range.start));
    }

    #[test]
    fn a_sliver_is_header_then_blocks_then_footer(blob in blobs()) {
        let layout = blob.layout;
        let mut at = BlobLayout::header_len();
        for stripe in 0..layout.stripes() {
            let range = layout.block_range(stripe);
            prop_assert_eq!(range.start, at);
            prop_assert_eq!(range.end - range.start, layout.block_len(stripe) as u64);
            prop_assert_eq!(layout.block_len(stripe) % 64, 0);
            prop_assert_eq!(layout.blocks_range(0..stripe).end, at);
            at = range.end;
        }
        prop_assert_eq!(layout.footer_range().start, at);
        prop_assert_eq!(layout.footer_range().end, layout.sliver_len());
        prop_assert!(blob.slivers.iter().all(|sliver| sliver.len() as u64 == layout.sliver_len()));
        prop_assert_eq!(layout.encoded_len(), blob.slivers.iter().map(|sliver| sliver.len() as u64).sum::<u64>());
    }

    /// Layouts come from untrusted files, too.
    #[test]
    fn absurd_layouts_have_some_answer(
        chunk_bytes in any::<u32>(), chunks_per_block in any::<u16>(), content_len in any::<u64>(), catalog_len in any::<u32>(),
        stripe in any::<u32>(), start in any::<u64>(), end in any::<u64>(), k in 1_usize..=254,
    ) {
        let scheme = Scheme::reed_solomon(k, 1).unwrap();
        let layout = BlobLayout { shape: StripeShape { scheme, chunk_bytes, chunks_per_block }, content_len, catalog_len };
        let _ = (layout.sliver_len(), layout.encoded_len(), layout.block_range(stripe), layout.blocks_range(stripe..u32::MAX));
        let _ = (layout.stripe_payload(stripe), layout.stripes_of(start..end), layout.pieces(start..end).take(3).count());
    }
}

#[test]
fn a_range_past_the_end_is_cut_there() {
    let shape = StripeShape::streaming("rs-4-2".parse().unwrap());
    let layout = BlobLayout { shape, content_len: 100, catalog_len: 20 };
    assert_eq!(layout.pieces(90..1000).map(|piece| piece.content_len()).sum::<usize>(), 30);
    assert_eq!(layout.pieces(120..1000).count(), 0);
    let (start, end) = (50, 40);
    assert_eq!(layout.pieces(start..end).count(), 0);
}

#[test]
fn a_small_range_of_a_large_blob_is_one_read_of_one_chunk() {
    let shape = StripeShape::streaming("rs-4-2".parse().unwrap());
    let layout = BlobLayout { shape, content_len: 64 << 20, catalog_len: 300 };
    assert_eq!(layout.stripes(), 65);
    let pieces: Vec<_> = layout.pieces(5_000_000..5_004_096).collect();
    assert_eq!(pieces.len(), 1);
    assert_eq!(pieces[0].sealed_len(), (64 << 10) + 16);
}
