//! Ids of transfers: what a transfer is for gives its id, so that planning it twice is planning it once.

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::transfer::{TransferCode, TransferId};

/// The id of a transfer that the plan of an epoch gives, from its published names: the first 16 bytes of BLAKE3 over lines that end in
/// LF: `haulout transfer v1`, book, epoch, code, debit account, credit account, cause.
#[must_use]
pub fn planned_id(
    book: Book,
    epoch: Epoch,
    code: TransferCode,
    (debit, credit): (&LedgerAccount, &LedgerAccount),
    cause: &str,
) -> TransferId {
    let book = match book {
        Book::Track => "track",
        Book::On => "on",
    };
    let text = format!("haulout transfer v1\n{book}\n{epoch}\n{}\n{debit}\n{credit}\n{cause}\n", code.as_str());
    let mut id = [0; 16];
    id.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
    TransferId(id)
}

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
