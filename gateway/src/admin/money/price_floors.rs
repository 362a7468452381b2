//! Price floors: what nodes signed is registered, and shown.

use backends::node::protocol::SignedPriceFloor;
use serde::{Deserialize, Serialize};

use super::moment::{TRIES, not_registered, now, too_late};
use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::domain::money::price::Prices;
use crate::metadata::{PriceFloorRow, RegisteredFloor};
use crate::staking::{FLOOR_AHEAD_EPOCHS_MAX, PriceFloor};

/// Register the price floor that a provider's node signed. The same again does nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegisterPriceFloor {
    /// Whose.
    pub provider: String,
    /// What `haulout node price-floor` printed.
    pub statement: String,
}

/// A price floor. Amounts are FROST.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownPriceFloor {
    /// Whose.
    pub provider: String,
    /// The epoch from whose beginning it holds.
    pub in_force: u64,
    /// For each encoded MiB and epoch.
    pub storage: u64,
    /// For each encoded MiB that is written.
    pub write: u64,
    /// The epoch in which it was registered.
    pub registered_in: u64,
    /// When that was.
    pub registered_at: String,
    /// What the node signed.
    pub statement: String,
}

/// A price floor that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloorInForce {
    /// Whether the prices of the epoch meet it: who is not met takes no new slivers.
    pub is_met: bool,
    /// The floor.
    pub floor: ShownPriceFloor,
}

/// What became of a price floor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceFloorRegistered {
    /// False where the same was registered.
    pub is_new: bool,
    /// The floor.
    pub floor: ShownPriceFloor,
}

impl Operation for RegisterPriceFloor {
    const NAME: &'static str = "provider-price-floor";
    type Reply = PriceFloorRegistered;

    async fn run(self, admin: &Admin) -> Result<PriceFloorRegistered> {
        let floor: SignedPriceFloor =
            self.statement.trim().parse().map_err(|error| AdminError::refused(format!("{error}")))?;
        if floor.cluster != admin.cluster {
            return Err(AdminError::refused("it was signed for another cluster"));
        }
        for _ in 0..TRIES {
            let (epoch, at) = now(admin).await?;
            check(floor, &epoch.prices, at.votes_in().0)?;
            let (is_new, row) = match admin.metadata.register_price_floor(&self.provider, floor, at).await? {
                RegisteredFloor::New(row) => (true, row),
                RegisteredFloor::Known(row) => (false, row),
                RegisteredFloor::NotRegistered => return Err(not_registered(&self.provider)),
                RegisteredFloor::OtherKey => {
                    return Err(AdminError::refused(format!(
                        "provider {:?} is not registered with the key of the node that signed it",
                        self.provider
                    )));
                }
                RegisteredFloor::Begun => return Err(begun(at.votes_in().0)),
                RegisteredFloor::NotLater(last) => {
                    return Err(AdminError::refused(format!(
                        "provider {:?} has a floor from epoch {} on: sign one for a later epoch",
                        self.provider, last.floor.epoch
                    )));
                }
                RegisteredFloor::Late => continue,
            };
            return Ok(PriceFloorRegistered { is_new, floor: shown_floor(&row) });
        }
        Err(too_late())
    }
}

/// Refuses what is out of range: a price that none in force comes near, or an epoch too far ahead.
fn check(floor: SignedPriceFloor, prices: &Prices, votes_in: u64) -> Result<()> {
    PriceFloor::from(floor).checked(prices).map_err(|error| AdminError::refused(error.to_string()))?;
    if floor.epoch > votes_in.saturating_add(FLOOR_AHEAD_EPOCHS_MAX) {
        return Err(AdminError::refused(format!(
            "it holds from epoch {} on: sign one for epoch {} to {}",
            floor.epoch,
            votes_in.saturating_add(1),
            votes_in.saturating_add(FLOOR_AHEAD_EPOCHS_MAX)
        )));
    }
    Ok(())
}

fn begun(votes_in: u64) -> AdminError {
    AdminError::refused(format!(
        "its epoch has begun, or is about to: sign one for epoch {} to {}",
        votes_in.saturating_add(1),
        votes_in.saturating_add(FLOOR_AHEAD_EPOCHS_MAX)
    ))
}

/// A floor, as it is shown.
pub(super) fn shown_floor(row: &PriceFloorRow) -> ShownPriceFloor {
    ShownPriceFloor {
        provider: row.provider.clone(),
        in_force: row.floor.epoch,
        storage: row.floor.storage,
        write: row.floor.write,
        registered_in: row.registered_in.0,
        registered_at: row.registered_at.iso(),
        statement: row.floor.to_string(),
    }
}
