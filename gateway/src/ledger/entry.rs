//! What is asked of the ledger.

use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferId};

/// How a transfer is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// At once.
    Posted,
    /// The amount is reserved until it is posted or voided, or for so many microseconds.
    Pending {
        /// From the time at which it is recorded; none for no end.
        timeout_micros: Option<u64>,
    },
    /// Posts a pending transfer, or a part of it; the rest is released.
    PostPending(TransferId),
    /// Releases a pending transfer.
    VoidPending(TransferId),
    /// Releases a pending transfer whose time is over.
    Expire(TransferId),
}

/// A transfer as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What moves, or would move. That of a second phase names the accounts of the pending transfer; to release is to name its amount.
    pub transfer: Transfer,
    /// How it is meant.
    pub phase: Phase,
    /// It succeeds or fails with the next one of its batch.
    pub linked: bool,
}

impl Entry {
    /// A transfer that is posted at once, on its own.
    #[must_use]
    pub fn posted(transfer: Transfer) -> Self {
        Self { transfer, phase: Phase::Posted, linked: false }
    }

    /// The pending transfer that it resolves.
    #[must_use]
    pub fn resolves(&self) -> Option<TransferId> {
        match self.phase {
            Phase::PostPending(id) | Phase::VoidPending(id) | Phase::Expire(id) => Some(id),
            Phase::Posted | Phase::Pending { .. } => None,
        }
    }

    /// What it moves, once it is recorded.
    #[must_use]
    pub fn moved(&self) -> Frost {
        match self.phase {
            Phase::Posted | Phase::PostPending(_) => self.transfer.amount,
            Phase::Pending { .. } | Phase::VoidPending(_) | Phase::Expire(_) => Frost::ZERO,
        }
    }
}
