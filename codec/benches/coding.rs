//! How fast the codec is on one core, in GB of content a second and as a fraction of copying that content with memcpy in the same run.
//!
//! `cargo bench -p haulout-codec --bench coding`
//!
//! - *encode*: all that a PUT asks of the codec: one copy, AES-256-GCM, erasure code, a BLAKE3 leaf for each of the n blocks.
//! - *parity*: the erasure code of it alone.
//! - *open*: all that a GET asks when the data slivers are there: AES-256-GCM in place.
//! - *one lost*, *m lost*: reconstruction of data blocks, a stripe a call and 16 stripes a call.
#![expect(clippy::expect_used, reason = "a measurement that fails has nothing better to do")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use codec::{
    BlobEncoder, BlobId, BlobKey, BlobLayout, BlobOpener, ClusterId, Scheme, StripeShape, WrappedKey, coder,
    reconstruct,
};

/// More than the caches hold.
const CONTENT_BYTES: usize = 64 << 20;
const ROUNDS: usize = 7;
const BATCH: usize = 16;

fn main() {
    let content: Vec<u8> = (0..CONTENT_BYTES).map(|place| ((place * 31) >> 7).to_le_bytes()[0]).collect();
    let memcpy = memcpy(&content);
    println!("memcpy, 1 MiB at a time: {memcpy:.1} GB/s. Below: GB of content a second (fraction of memcpy).\n");
    println!(
        "{:<9}{:>14}{:>14}{:>14}{:>14}{:>14}{:>14}{:>14}",
        "scheme", "encode", "parity", "open", "one lost", "m lost", "one lost x16", "m lost x16"
    );
    for text in ["rs-2-1", "rs-4-2", "rs-8-4", "rs-10-4", "rs-17-3"] {
        let scheme: Scheme = text.parse().expect("a scheme");
        let shape = StripeShape::streaming(scheme);
        let stripes = encoded(shape, &content);
        let lost = scheme.m().min(scheme.k());
        let speeds = [
            encode(shape, &content),
            parity(scheme, &stripes),
            open(shape, &stripes),
            decode(scheme, &stripes, 1, 1),
            decode(scheme, &stripes, lost, 1),
            decode(scheme, &stripes, 1, BATCH),
            decode(scheme, &stripes, lost, BATCH),
        ];
        let cell = |speed: &f64| format!("{:>14}", format!("{speed:.2} ({:.2})", speed / memcpy));
        println!("{text:<9}{}", speeds.iter().map(cell).collect::<String>());
    }
}

fn memcpy(content: &[u8]) -> f64 {
    let mut copy = vec![0_u8; 1 << 20];
    best(content.len(), || {
        let started = Instant::now();
        for part in content.chunks_exact(copy.len()) {
            copy.copy_from_slice(black_box(part));
            black_box(&mut copy);
        }
        started.elapsed()
    })
}

fn encode(shape: StripeShape, content: &[u8]) -> f64 {
    let stripes = content.chunks_exact(shape.stripe_bytes());
    best(stripes.len() * shape.stripe_bytes(), || {
        let mut encoder = encoder(shape);
        let started = Instant::now();
        for stripe in stripes.clone() {
            black_box(encoder.encode_stripe(black_box(stripe), false).expect("a full stripe"));
        }
        started.elapsed()
    })
}

fn parity(scheme: Scheme, stripes: &[Vec<Bytes>]) -> f64 {
    let coder = coder(scheme);
    best(data_bytes(scheme, stripes), || {
        let started = Instant::now();
        for blocks in stripes {
            black_box(coder.encode(black_box(&blocks[..scheme.k()])).expect("sound blocks"));
        }
        started.elapsed()
    })
}

fn open(shape: StripeShape, stripes: &[Vec<Bytes>]) -> f64 {
    let content_len = (stripes.len() * shape.stripe_bytes()) as u64;
    // One byte more, so that no measured chunk is the last.
    let layout = BlobLayout { shape, content_len: content_len + 1, catalog_len: 0 };
    let opener = BlobOpener::new(BLOB, &BlobKey::from_bytes(KEY), layout);
    let pieces: Vec<_> = layout.pieces(0..content_len).collect();
    best(stripes.len() * shape.stripe_bytes(), || {
        let mut elapsed = Duration::ZERO;
        for piece in &pieces {
            // As read from a backend; reading is not what is measured.
            let sealed: BytesMut =
                stripes[piece.stripe as usize][usize::from(piece.index)][..piece.sealed_len()].into();
            let started = Instant::now();
            black_box(opener.open(piece, black_box(sealed)).expect("genuine"));
            elapsed += started.elapsed();
        }
        elapsed
    })
}

/// The first `lost` data blocks from the others, `batch` stripes a call.
fn decode(scheme: Scheme, stripes: &[Vec<Bytes>], lost: usize, batch: usize) -> f64 {
    let index = |place: usize| u8::try_from(place).expect("fewer than 256 slivers");
    let want: Vec<u8> = (0..lost).map(index).collect();
    let calls: Vec<Vec<Vec<u8>>> = stripes
        .chunks_exact(batch)
        .map(|stripes| {
            (lost..lost + scheme.k())
                .map(|place| stripes.iter().flat_map(|blocks| blocks[place].to_vec()).collect())
                .collect()
        })
        .collect();
    best(calls.len() * batch * stripes[0][0].len() * scheme.k(), || {
        let started = Instant::now();
        for blocks in &calls {
            let have: Vec<(u8, &[u8])> =
                blocks.iter().enumerate().map(|(place, block)| (index(lost + place), block.as_slice())).collect();
            black_box(reconstruct(scheme, black_box(&have), &want).expect("k blocks"));
        }
        started.elapsed()
    })
}

/// As in the gateway's binary: blocks are large, and an allocator that returns them to the system at once is what would be measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BLOB: BlobId = BlobId([1; 16]);
const KEY: [u8; 32] = [2; 32];

fn encoder(shape: StripeShape) -> BlobEncoder {
    BlobEncoder::new(ClusterId([0; 16]), BLOB, shape, &BlobKey::from_bytes(KEY), WrappedKey([0; 64]))
}

fn encoded(shape: StripeShape, content: &[u8]) -> Vec<Vec<Bytes>> {
    let mut encoder = encoder(shape);
    content
        .chunks_exact(shape.stripe_bytes())
        .map(|stripe| encoder.encode_stripe(stripe, false).expect("a full stripe"))
        .collect()
}

fn data_bytes(scheme: Scheme, stripes: &[Vec<Bytes>]) -> usize {
    stripes.iter().map(|blocks| blocks[0].len() * scheme.k()).sum()
}

/// GB a second in the best of some rounds: other work on the machine only ever makes a round slower.
fn best(bytes: usize, mut round: impl FnMut() -> Duration) -> f64 {
    let fastest = (0..ROUNDS).map(|_| round()).min().unwrap_or(Duration::MAX);
    bytes as f64 / fastest.as_secs_f64() / 1e9
}
