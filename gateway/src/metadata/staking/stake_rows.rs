//! Stakes as they stand in rows.

use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::metadata::engine::row::Row;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::money::stored_entry::frost;
use crate::metadata::staking::pools::shares;

/// How far a stake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StakeState {
    /// It does not count yet.
    Arriving,
    /// It counts.
    Active,
    /// It was paid back.
    Paid,
}

impl StakeState {
    /// Its name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Arriving => "arriving",
            Self::Active => "active",
            Self::Paid => "paid",
        }
    }
}

/// What somebody staked on a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StakeRow {
    /// Its name.
    pub id: String,
    /// What an operator called it.
    pub reference: String,
    /// Whose it is.
    pub staker: String,
    /// In whose pool it is.
    pub provider: String,
    /// What was staked.
    pub principal: Frost,
    /// It is the provider's own.
    pub is_own: bool,
    /// The epoch in which it came.
    pub staked_in: Epoch,
    /// The first epoch in which it counts.
    pub active_from: Epoch,
    /// The epoch at whose beginning it is to be paid back.
    pub leaves_at: Option<Epoch>,
    /// How far it is.
    pub state: StakeState,
    /// Its shares of the pool.
    pub shares: u128,
    /// What was paid back.
    pub paid: Option<Frost>,
}

/// The columns that [`stake`] reads.
pub(super) const STAKE_COLUMNS: &str =
    "id, reference, staker, provider, principal, is_own, staked_in, active_from, leaves_at, state, shares, paid";

/// A stake.
pub(super) fn stake(row: &Row) -> Result<StakeRow> {
    let name = row.text(9)?;
    let mut states = [StakeState::Arriving, StakeState::Active, StakeState::Paid].into_iter();
    let state = states.find(|state| state.as_str() == name);
    Ok(StakeRow {
        id: row.text(0)?.to_owned(),
        reference: row.text(1)?.to_owned(),
        staker: row.text(2)?.to_owned(),
        provider: row.text(3)?.to_owned(),
        principal: frost(row, 4)?,
        is_own: row.flag(5)?,
        staked_in: Epoch(row.number(6)?),
        active_from: Epoch(row.number(7)?),
        leaves_at: row.number_if_any(8)?.map(Epoch),
        state: state.ok_or_else(|| MetadataError::Damaged(format!("a stake that is {name:?}")))?,
        shares: shares(row, 10)?,
        paid: row.number_if_any(11)?.map(Frost),
    })
}
