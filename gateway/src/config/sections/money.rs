//! `[money]`: epochs, prices, and whether costs are charged.

use serde::Deserialize;

use crate::domain::money::epoch::JumpTerms;
use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::domain::money::price::Prices;

/// Prices are in FROST, of which a WAL has 10^9. They rule from the next epoch on, and move by at most a fifth in each.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MoneyConfig {
    /// `track`: costs are computed and nothing is refused. `on`: they are charged. `off`: neither.
    pub mode: MoneyMode,
    /// Seconds of an epoch. Epochs of whole hours begin with an hour. `HAULOUT_EPOCH` overrides it.
    pub epoch: u64,
    /// For each encoded MiB that is kept for an epoch.
    pub storage_price: u64,
    /// For each encoded MiB that is written.
    pub write_price: u64,
    /// For a thousand requests that change nothing.
    pub read_request_price: u64,
    /// For a thousand requests that change something or list.
    pub write_request_price: u64,
    /// For each MiB of response bodies.
    pub egress_price: u64,
    /// What the root account begins with, in FROST, once in each mode.
    pub endowment: u64,
    /// Days from the announcement that a bucket owes for past epochs to the day on which it takes no change but deletions.
    pub grace_days: u32,
    /// Days from there to the day on which the operator decides about it. Nothing is removed by itself.
    pub notice_days: u32,
    /// How many whole epochs that nobody saw, after downtime or a jump of the clock, are begun without `haulout epoch confirm`.
    pub unconfirmed_epochs: u64,
    /// Who cosigns what is published. Their silence blocks nothing.
    #[serde(rename = "witness")]
    pub witnesses: Vec<WitnessConfig>,
    /// Where users pay: stands in the message that refuses a write.
    pub pay_at: Option<String>,
    /// The notification target, by name, that alerts about funds are posted to, besides the log.
    pub alert_target: Option<String>,
}

/// A witness of the published ledger.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// Its key, as `haulout node witness key` prints it.
    pub key: String,
    /// Where it takes checkpoints: what stands before `/add-checkpoint`.
    pub url: String,
}

impl Default for MoneyConfig {
    fn default() -> Self {
        Self {
            mode: MoneyMode::Track,
            epoch: 14 * 86_400,
            // What a Walrus node votes for that was not configured otherwise.
            storage_price: 100_000,
            write_price: 20_000,
            read_request_price: 0,
            write_request_price: 0,
            egress_price: 0,
            endowment: 1_000 * Frost::PER_WAL,
            grace_days: 14,
            notice_days: 30,
            unconfirmed_epochs: 1,
            witnesses: Vec::new(),
            pay_at: None,
            alert_target: None,
        }
    }
}

impl MoneyConfig {
    /// How much may pass without an operator's word.
    #[must_use]
    pub fn jump_terms(&self) -> JumpTerms {
        JumpTerms { micros: self.epoch.max(1).saturating_mul(1_000_000), unconfirmed_max: self.unconfirmed_epochs }
    }

    /// The prices that are wanted.
    #[must_use]
    pub fn prices(&self) -> Prices {
        Prices {
            storage: Frost(self.storage_price),
            write: Frost(self.write_price),
            requests_read: Frost(self.read_request_price),
            requests_write: Frost(self.write_request_price),
            egress: Frost(self.egress_price),
        }
    }
}
