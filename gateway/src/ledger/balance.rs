//! What an account has: four sums, and the limit on them.

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::frost::Frost;

/// The sums of one account. Accounts never vanish and sums of posted amounts never shrink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// What pending transfers would take out.
    pub debits_pending: Frost,
    /// What was taken out.
    pub debits_posted: Frost,
    /// What pending transfers would bring.
    pub credits_pending: Frost,
    /// What was brought.
    pub credits_posted: Frost,
}

impl Balance {
    /// What may still be taken out: what came, less what went and what is reserved. What is about to come does not count.
    #[must_use]
    pub fn free(&self) -> Frost {
        self.credits_posted.saturating_sub(self.debits_posted).saturating_sub(self.debits_pending)
    }

    /// What came less what went, reserved or not; below zero for accounts without a limit.
    #[must_use]
    pub fn posted(&self) -> i128 {
        i128::from(self.credits_posted.0) - i128::from(self.debits_posted.0)
    }

    /// How much is missing for its debits not to exceed its credits.
    #[must_use]
    pub(super) fn missing(&self) -> Frost {
        let debits = u128::from(self.debits_posted.0) + u128::from(self.debits_pending.0);
        let missing = debits.saturating_sub(u128::from(self.credits_posted.0));
        u64::try_from(missing).map_or(Frost::MAX, Frost)
    }
}

/// Whether the debits of an account must not exceed its credits. Money comes from `outside` without limit, and so it does from
/// payers where it is only computed.
#[must_use]
pub fn is_limited(book: Book, account: &LedgerAccount) -> bool {
    match account {
        LedgerAccount::Outside => false,
        LedgerAccount::Payer(_) | LedgerAccount::Bucket(_) => book != Book::Track,
        _ => true,
    }
}
