//! What a backend is asked to prove that it has a sliver, and what it answers.

use bytes::Bytes;
use codec::SamplePosition;

/// Asks for the bytes at a place of a sliver that the backend cannot foresee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Which bytes.
    pub position: SamplePosition,
    /// The epoch in which it is asked.
    pub epoch: u64,
    /// 32 bytes that make this challenge differ from every other: an answer fits no second one.
    pub nonce: [u8; 32],
}

/// What a backend answers. It is not judged yet: that takes the sliver's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// A [`codec::PossessionProof`] as bytes, at most [`codec::PossessionProof::BYTES_MAX`].
    pub proof: Bytes,
    /// A storage node's signature under challenge and proof, which has been verified: see
    /// [`crate::node::protocol::verify_answer`]. Other backends sign nothing.
    pub signature: Option<[u8; 64]>,
}
