//! When a request about stake or votes comes, by epochs of money.

use crate::domain::money::epoch::Epoch;
use crate::domain::money::mode::MoneyMode;
use crate::metadata::engine::session::Session;
use crate::metadata::error::Result;
use crate::metadata::money::epochs::{self, MoneyEpoch};

/// The epoch that began last, and whether it is over already: then its votes are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VotingMoment {
    /// The epoch.
    pub epoch: Epoch,
    /// It is over, and the next one has not begun.
    pub is_over: bool,
}

impl VotingMoment {
    /// That of `now`, in microseconds, in the epoch that began last.
    #[must_use]
    pub fn of(last: &MoneyEpoch, now: i64) -> Self {
        Self { epoch: last.number, is_over: now >= last.ends_at.0 }
    }

    /// The epoch whose votes a vote of this moment belongs to.
    #[must_use]
    pub const fn votes_in(self) -> Epoch {
        if self.is_over { self.epoch.next() } else { self.epoch }
    }

    /// Whether it still is this moment, in an epoch in which money is charged.
    pub(super) async fn holds(self, tx: &mut Session, now: i64) -> Result<bool> {
        let last = epochs::last(tx).await?;
        Ok(last.is_some_and(|last| last.mode == MoneyMode::On && Self::of(&last, now) == self))
    }
}
