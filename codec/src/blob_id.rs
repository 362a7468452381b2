//! The name of a blob.

use serde::{Deserialize, Serialize};

/// Which blob: never reused. The first four bytes (big-endian) are the incarnation of the gateway that made it, the other twelve it gives
/// once. Ordered as bytes, so ids of one incarnation are neighbours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BlobId(pub [u8; 16]);

crate::hex_text::hex_name!(BlobId);

impl BlobId {
    /// A new id from a gateway's incarnation and twelve bytes that it gives once, of which the last are random.
    #[must_use]
    pub fn new(incarnation: u32, unique: [u8; 12]) -> Self {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&incarnation.to_be_bytes());
        bytes[4..].copy_from_slice(&unique);
        Self(bytes)
    }

    /// The incarnation of the gateway that made the blob.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])
    }
}
