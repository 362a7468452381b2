//! Signatures of the chunks of a streaming body: each covers the one before it.

use std::fmt;

use zeroize::Zeroizing;

/// Computes the signature that the next chunk should carry.
#[derive(Clone)]
pub struct ChunkSigner {
    signing_key: Zeroizing<[u8; 32]>,
    timestamp: String,
    scope: String,
    previous: [u8; 32],
}

impl fmt::Debug for ChunkSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkSigner").field("scope", &self.scope).finish_non_exhaustive()
    }
}
