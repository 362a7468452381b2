//! What providers earned.

use serde::{Deserialize, Serialize};

use super::book;
use crate::admin::error::Result;
use crate::admin::{Admin, Operation};
use crate::domain::money::epoch::Epoch;

/// Epochs that are shown.
const EPOCHS_SHOWN: u64 = 10;

/// Show what providers earned, epoch by epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowEarnings {
    /// One provider.
    pub provider: Option<String>,
    /// One epoch.
    pub epoch: Option<u64>,
}

/// What a provider earned and lost in an epoch, in FROST.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownEarnings {
    /// The epoch.
    pub epoch: u64,
    /// The provider.
    pub provider: String,
    /// Its own part of its rewards, less what was held back.
    pub commission: u64,
    /// What was held back of it.
    pub held_back: u64,
    /// What was held back before and returned.
    pub returned: u64,
    /// The part of its stakers, its own stake included.
    pub stakers: u64,
    /// For what it rebuilt, for audits, and for trash.
    pub work: u64,
    /// What was taken from its holdback and its pool.
    pub slashed: u64,
}

impl Operation for ShowEarnings {
    const NAME: &'static str = "provider-earnings";
    type Reply = Vec<ShownEarnings>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Vec<ShownEarnings>> {
        let book = book(admin)?;
        let last = admin.metadata.money_epoch().await?.map_or(0, |(epoch, _)| epoch.number.0);
        let epochs = match self.epoch {
            Some(epoch) => (Epoch(epoch), Epoch(epoch)),
            None => (Epoch(last.saturating_sub(EPOCHS_SHOWN)), Epoch(last)),
        };
        let earnings = admin.metadata.earnings(book, self.provider.as_deref(), epochs).await?;
        let shown = earnings.into_iter().map(|((epoch, provider), row)| ShownEarnings {
            epoch: epoch.0,
            provider,
            commission: row.commission.0,
            held_back: row.held_back.0,
            returned: row.returned.0,
            stakers: row.stakers.0,
            work: row.work.0,
            slashed: row.slashed.0,
        });
        Ok(shown.collect())
    }
}
