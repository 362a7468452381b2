//! Transfers of a plan and their ids.

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode, TransferId};

/// The first line of what is hashed into an id.
const ID_DOMAIN: &str = "haulout transfer v1";

/// The name of a book in what is published.
#[must_use]
pub const fn book_name(book: Book) -> &'static str {
    match book {
        Book::Track => "track",
        Book::On => "on",
    }
}

/// The id of a settled transfer: the first 16 bytes of BLAKE3 over lines that end in LF: `haulout transfer v1`, book, epoch,
/// code, debit account, credit account, cause. The amount is no part of it, so that another amount for the same cause is refused
/// as a contradiction and not posted beside the first.
#[must_use]
pub fn transfer_id(
    book: Book,
    epoch: Epoch,
    code: TransferCode,
    accounts: (&LedgerAccount, &LedgerAccount),
    cause: &str,
) -> TransferId {
    let (debit, credit) = accounts;
    let text = format!("{ID_DOMAIN}\n{}\n{epoch}\n{}\n{debit}\n{credit}\n{cause}\n", book_name(book), code.as_str());
    let hash = blake3::hash(text.as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&hash.as_bytes()[..16]);
    TransferId(id)
}

/// The transfers of one plan, in the order in which they are posted: no account goes below zero on the way.
#[derive(Debug)]
pub struct Postings {
    book: Book,
    epoch: Epoch,
    transfers: Vec<Transfer>,
}

impl Postings {
    pub(super) const fn new(book: Book, epoch: Epoch) -> Self {
        Self { book, epoch, transfers: Vec::new() }
    }

    /// Adds a transfer, unless there is nothing to transfer.
    pub(super) fn post(
        &mut self,
        code: TransferCode,
        debit: LedgerAccount,
        credit: LedgerAccount,
        amount: Frost,
        cause: impl Into<String>,
    ) {
        if amount.is_zero() {
            return;
        }
        let (book, epoch, cause) = (self.book, self.epoch, cause.into());
        let id = transfer_id(book, epoch, code, (&debit, &credit), &cause);
        self.transfers.push(Transfer { id, book, debit, credit, amount, code, epoch, cause });
    }

    pub(super) fn into_transfers(self) -> Vec<Transfer> {
        self.transfers
    }
}
