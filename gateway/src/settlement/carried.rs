//! What settlement carries from one epoch to the next, as it stands in the database.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::periods::Outcome;
use super::plan::Plan;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::staking::Pool;

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Carried {
    /// By the names of providers.
    pub providers: BTreeMap<String, CarriedProvider>,
    /// Periods that are not judged yet.
    pub open: Vec<CarriedPeriod>,
}

/// A provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct CarriedProvider {
    /// The first epoch in which it was settled.
    pub since: u64,
    /// Audits that counted for its vetting.
    pub vetting: u64,
    /// Whether half of its holdback was returned.
    pub half_returned: bool,
    /// What the repair fund owes it.
    pub owed: u64,
    /// Its pool: stake with rewards, shares, rewards in it, positions.
    pub pool: (u64, u128, u64, u64),
}

/// An open period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CarriedPeriod {
    pub provider: String,
    pub epoch: u64,
    /// What its escrow keeps.
    pub reserved: u64,
}

impl CarriedProvider {
    pub fn pool(&self) -> Pool {
        let (wal, shares, rewards, positions) = self.pool;
        Pool { wal: Frost(wal), shares, rewards: Frost(rewards), positions }
    }
}

impl Carried {
    /// What is carried after a plan.
    pub fn after(&self, plan: &Plan) -> Self {
        let mut next = Self { providers: self.providers.clone(), open: Vec::new() };
        for change in &plan.providers {
            let known = next.providers.entry(change.provider.clone()).or_default();
            if known.since == 0 {
                known.since = plan.epoch.0;
            }
            (known.vetting, known.half_returned, known.owed) = (change.vetting, change.half_returned, change.owed.0);
        }
        for change in &plan.pools {
            let pool = &change.pool;
            let known = next.providers.entry(change.provider.clone()).or_default();
            known.pool = (pool.wal.0, pool.shares, pool.rewards.0, pool.positions);
        }
        for period in &plan.periods {
            if let Outcome::Open { reserved } = period.outcome {
                let Epoch(epoch) = period.epoch;
                next.open.push(CarriedPeriod { provider: period.provider.clone(), epoch, reserved: reserved.0 });
            }
        }
        next
    }
}
