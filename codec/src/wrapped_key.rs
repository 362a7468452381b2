//! A blob's key as it is stored.

use std::fmt;

/// A blob key that the cluster key has wrapped: key id (u32, big-endian), nonce (12), ciphertext (32), tag (16). Not secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct WrappedKey(pub [u8; 64]);

impl WrappedKey {
    /// Which cluster key wrapped it.
    #[must_use]
    pub fn key_id(&self) -> u32 {
        u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey(by {})", self.key_id())
    }
}
