//! What became of an entry.

use std::fmt;

use crate::domain::money::frost::Frost;

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is recorded.
    Recorded,
    /// It was recorded before, with the same fields. Nothing changed.
    Exists,
    /// Nothing changed.
    Refused(Refusal),
}

impl Outcome {
    /// Whether it stands in the ledger now.
    #[must_use]
    pub fn stands(self) -> bool {
        matches!(self, Self::Recorded | Self::Exists)
    }
}

/// Why an entry was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The id is another transfer's.
    #[error("exists_with_different_{0}")]
    ExistsWithDifferent(Field),
    /// An amount is above zero and at most [`Frost::MAX`].
    #[error("amount_out_of_range")]
    AmountOutOfRange,
    /// Both sides are one account.
    #[error("accounts_must_be_different")]
    AccountsMustBeDifferent,
    /// A time without length reserves nothing.
    #[error("timeout_out_of_range")]
    TimeoutOutOfRange,
    /// The debited account would give more than it has.
    #[error("exceeds_credits: {missing} are missing")]
    ExceedsCredits {
        /// By how much.
        missing: Frost,
    },
    /// A sum would not fit.
    #[error("overflows")]
    Overflows,
    /// There is no such transfer.
    #[error("pending_transfer_not_found")]
    PendingNotFound,
    /// It is no pending transfer.
    #[error("pending_transfer_not_pending")]
    NotPending,
    /// The pending transfer is about something else.
    #[error("pending_transfer_has_different_{0}")]
    PendingDiffers(Field),
    /// More than what is pending.
    #[error("exceeds_pending_transfer_amount")]
    ExceedsPending,
    /// It was posted before.
    #[error("pending_transfer_already_posted")]
    AlreadyPosted,
    /// It was voided before.
    #[error("pending_transfer_already_voided")]
    AlreadyVoided,
    /// Its time is over.
    #[error("pending_transfer_expired")]
    Expired,
    /// Its time is not over.
    #[error("pending_transfer_not_expired")]
    NotExpired,
    /// Another of its chain was refused.
    #[error("linked_event_failed")]
    LinkedFailed,
    /// The batch ends in the middle of a chain.
    #[error("linked_event_chain_open")]
    ChainOpen,
}

/// A field in which two transfers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Posted, pending or a second phase.
    Phase,
    /// The pending transfer that is meant.
    PendingId,
    /// How long it is reserved.
    Timeout,
    /// The book.
    Book,
    /// The account that gives.
    Debit,
    /// The account that gets.
    Credit,
    /// The amount.
    Amount,
    /// What it is for.
    Code,
    /// The epoch.
    Epoch,
    /// What it follows from.
    Cause,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Phase => "phase",
            Self::PendingId => "pending_id",
            Self::Timeout => "timeout",
            Self::Book => "book",
            Self::Debit => "debit_account",
            Self::Credit => "credit_account",
            Self::Amount => "amount",
            Self::Code => "code",
            Self::Epoch => "epoch",
            Self::Cause => "cause",
        })
    }
}

/// How a pending transfer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// All of it or a part was posted.
    Posted,
    /// It was released.
    Voided,
    /// Its time was over.
    Expired,
}
