//! The key of a blob.

use std::fmt;

use zeroize::Zeroizing;

/// The data key of one blob: 32 random bytes that encrypt this blob and nothing else, ever. Encoding other content with the same key
/// would repeat nonces and reveal both. Erased from memory when dropped.
#[derive(Clone)]
pub struct BlobKey(Zeroizing<[u8; 32]>);

impl BlobKey {
    /// A key from random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobKey(..)")
    }
}
