//! Transfers: the immutable entries of the ledger.

use super::account::{Book, LedgerAccount};
use super::epoch::Epoch;
use super::frost::Frost;

/// The idempotency key of a transfer: the first 16 bytes of a BLAKE3 hash over what the transfer is for, so that whoever plans
/// the same transfer again draws the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(pub [u8; 16]);

/// What a transfer is for. The text is its name in exports; the order is that of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransferCode {
    /// Money enters: outside to payer, bucket, provider or staker.
    Credit,
    /// Money leaves: payer, provider or staker to outside.
    Payout,
    /// What an installation begins with: outside to payer.
    Endowment,
    /// Between two accounts of the same owner, by hand.
    Move,
    /// Storage of one bucket in one epoch: payer or bucket to escrow.
    Storage,
    /// What one bucket wrote in one epoch: payer or bucket to escrow.
    Write,
    /// Requests of one bucket in one epoch: payer or bucket to escrow.
    Requests,
    /// Egress of one bucket in one epoch: payer or bucket to escrow.
    Egress,
    /// The share of an epoch's fees that is taken out of circulation: escrow to burn.
    BurnShare,
    /// The share of an epoch's fees for repair, audits and trash: escrow to repair fund.
    RepairShare,
    /// A provider's own part of its reward: escrow to provider.
    Commission,
    /// The stakers' part of a provider's reward: escrow to pool.
    Reward,
    /// The part of a reward that a new provider leaves as a surety: escrow to holdback.
    Holdback,
    /// A surety returns: holdback to provider.
    HoldbackReturn,
    /// For rebuilding, auditing or keeping trash: repair fund to provider.
    RepairWork,
    /// What nobody earned and what rounding left: escrow to remainder, or remainder to the next escrow.
    Remainder,
    /// Money is staked: staker to pool.
    Stake,
    /// Stake returns with its rewards: pool to staker.
    Unstake,
    /// A proven wrong answer: holdback or pool to burn or repair fund.
    Slash,
    /// Another transfer was wrong: the other way round.
    Correction,
}

impl TransferCode {
    /// Every code, in order.
    pub const ALL: [Self; 20] = [
        Self::Credit,
        Self::Payout,
        Self::Endowment,
        Self::Move,
        Self::Storage,
        Self::Write,
        Self::Requests,
        Self::Egress,
        Self::BurnShare,
        Self::RepairShare,
        Self::Commission,
        Self::Reward,
        Self::Holdback,
        Self::HoldbackReturn,
        Self::RepairWork,
        Self::Remainder,
        Self::Stake,
        Self::Unstake,
        Self::Slash,
        Self::Correction,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Payout => "payout",
            Self::Endowment => "endowment",
            Self::Move => "move",
            Self::Storage => "storage",
            Self::Write => "write",
            Self::Requests => "requests",
            Self::Egress => "egress",
            Self::BurnShare => "burn-share",
            Self::RepairShare => "repair-share",
            Self::Commission => "commission",
            Self::Reward => "reward",
            Self::Holdback => "holdback",
            Self::HoldbackReturn => "holdback-return",
            Self::RepairWork => "repair-work",
            Self::Remainder => "remainder",
            Self::Stake => "stake",
            Self::Unstake => "unstake",
            Self::Slash => "slash",
            Self::Correction => "correction",
        }
    }

    /// The code of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }
}

/// A transfer that is to be posted at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What makes it one transfer however often it is asked for.
    pub id: TransferId,
    /// Where it is kept.
    pub book: Book,
    /// The account that gives.
    pub debit: LedgerAccount,
    /// The account that gets.
    pub credit: LedgerAccount,
    /// Above zero, at most [`Frost::MAX`].
    pub amount: Frost,
    /// What it is for.
    pub code: TransferCode,
    /// The epoch that it belongs to.
    pub epoch: Epoch,
    /// What it follows from: a bucket, a verdict, another transfer, or the reference that an operator gave; at most 200 characters.
    pub cause: String,
}
