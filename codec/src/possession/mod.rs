//! Proofs of possession: whoever stores a sliver shows 1,024 bytes of it, at a place that was chosen for them, and the hashes that lead
//! from there to the sliver's root. Two kilobytes prove to anybody who knows the root that those bytes were at hand.
//!
//! The leaf of a block is its BLAKE3 hash, which is a tree over pieces of 1,024 bytes itself: so the path goes from the piece to the
//! leaf inside the block, and from the leaf to the top over all blocks. The prover reads one block and the footer.

mod position;
mod proof;
mod subtree;
mod wire;

pub use position::{SAMPLE_BYTES, SamplePosition};
pub use proof::{PossessionError, PossessionProof};
