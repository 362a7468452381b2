//! Ids of transfers: what a transfer is for gives its id, so that planning it twice is planning it once.

use crate::domain::money::transfer::TransferId;

/// The id of a transfer: the first 16 bytes of the BLAKE3 hash of `haulout transfer`, a zero byte, and each part after its length
/// as four big-endian bytes.
#[must_use]
pub fn transfer_id(parts: &[&[u8]]) -> TransferId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"haulout transfer\0");
    for part in parts {
        hasher.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hasher.update(part);
    }
    let mut id = [0; 16];
    id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    TransferId(id)
}
