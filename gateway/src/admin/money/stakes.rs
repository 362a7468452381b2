//! Stake, as stakers and operators see and move it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::moment::{TRIES, not_registered, now, stake_moment, too_late};
use super::registering::staker;
use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::domain::money::frost::Frost;
use crate::metadata::{AddedStake, NewStake, PoolRow, StakeFilter, StakeRow, StakeState, Withdrawn};
use crate::staking::{ExchangeRate, STAKE_MIN, active_from, withdrawn_at};

/// Stakes that are shown.
const STAKES_SHOWN: usize = 10_000;

/// The most characters of a reference.
const REFERENCE_CHARS_MAX: usize = 200;

/// Stake money on a provider. The same reference again does nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddStake {
    /// On which.
    pub provider: String,
    /// FROST.
    pub amount: u64,
    /// Whose free funds it is taken from.
    pub staker: String,
    /// What it is called outside.
    pub reference: String,
}

/// Withdraw a stake. The same again does nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WithdrawStake {
    /// Its name.
    pub stake: String,
}

/// List stakes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListStakes {
    /// Of one provider's pool.
    pub provider: Option<String>,
    /// Of one staker.
    pub staker: Option<String>,
    /// Those that were paid back as well.
    pub all: bool,
}

/// A stake. Amounts are FROST.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownStake {
    /// Its name.
    pub stake: String,
    /// What it is called outside.
    pub reference: String,
    /// Whose it is.
    pub staker: String,
    /// On which provider.
    pub provider: String,
    /// What was staked.
    pub principal: u64,
    /// It is the provider's own.
    pub is_own: bool,
    /// `arriving`, `active`, `leaving` or `paid`.
    pub state: String,
    /// The first epoch in which it counts.
    pub active_from: u64,
    /// The epoch at whose beginning it is paid back, unless a period of its provider is open then.
    pub leaves_at: Option<u64>,
    /// Its shares of the pool, as decimal digits.
    pub shares: String,
    /// What it is worth by the last rate of the pool; what was paid back, once it was.
    pub worth: u64,
}

/// What became of a stake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedStake {
    /// False where nothing changed.
    pub is_new: bool,
    /// The stake.
    pub stake: ShownStake,
}

impl Operation for AddStake {
    const NAME: &'static str = "stake-add";
    type Reply = MovedStake;

    async fn run(self, admin: &Admin) -> Result<MovedStake> {
        if Frost(self.amount) < STAKE_MIN {
            return Err(AdminError::refused(format!("at least {STAKE_MIN} is staked at a time")));
        }
        if self.reference.is_empty() || self.reference.chars().count() > REFERENCE_CHARS_MAX {
            return Err(AdminError::refused(format!("a reference has 1 to {REFERENCE_CHARS_MAX} characters")));
        }
        let staker = staker(&self.staker)?;
        for _ in 0..TRIES {
            let (_, at) = now(admin).await?;
            let stake = NewStake {
                reference: self.reference.clone(),
                staker: staker.clone(),
                provider: self.provider.clone(),
                amount: Frost(self.amount),
                at,
                active_from: active_from(stake_moment(at)),
            };
            let (is_new, row) = match admin.metadata.add_stake(stake).await? {
                AddedStake::New(row) => (true, row),
                AddedStake::Known(row) => (false, row),
                AddedStake::Different(row) => {
                    return Err(AdminError::refused(format!(
                        "reference {:?} was used for another stake: {} of staker {} on provider {}",
                        self.reference, row.principal, row.staker, row.provider
                    )));
                }
                AddedStake::NotRegistered => return Err(not_registered(&self.provider)),
                AddedStake::Refused(refusal) => {
                    return Err(AdminError::refused(format!(
                        "staker/{staker} cannot stake that: {refusal}. `haulout account credit staker/{staker} AMOUNT \
                         --reference R` records money that came in"
                    )));
                }
                AddedStake::Late => continue,
            };
            return Ok(MovedStake { is_new, stake: shown(&row, &admin.metadata.stake_pools().await?) });
        }
        Err(too_late())
    }
}

impl Operation for WithdrawStake {
    const NAME: &'static str = "stake-withdraw";
    type Reply = MovedStake;

    async fn run(self, admin: &Admin) -> Result<MovedStake> {
        let unknown = || {
            AdminError::refused(format!(
                "there is no stake {:?}: `haulout stake list` shows those that are",
                self.stake
            ))
        };
        for _ in 0..TRIES {
            let known = admin.metadata.stake(&self.stake).await?.ok_or_else(unknown)?;
            let is_new = known.leaves_at.is_none() && known.state != StakeState::Paid;
            let (_, at) = now(admin).await?;
            let leaves_at = withdrawn_at(stake_moment(at), known.active_from, stays(admin, &known.provider).await?);
            let row = match admin.metadata.withdraw_stake(&self.stake, at, leaves_at).await? {
                Withdrawn::Leaves(row) | Withdrawn::Returned(row) => row,
                Withdrawn::Unknown => return Err(unknown()),
                Withdrawn::Late => continue,
            };
            return Ok(MovedStake { is_new, stake: shown(&row, &admin.metadata.stake_pools().await?) });
        }
        Err(too_late())
    }
}

/// Whether a provider takes part in the next epoch.
async fn stays(admin: &Admin, provider: &str) -> Result<bool> {
    let Ok(id) = provider.parse() else { return Ok(false) };
    let leaves = admin.metadata.leaving_backends().await?.contains(&id);
    Ok(!leaves && !admin.metadata.removed_backends().await?.contains(&id))
}

impl Operation for ListStakes {
    const NAME: &'static str = "stake-list";
    type Reply = Vec<ShownStake>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Vec<ShownStake>> {
        let filter = StakeFilter { provider: self.provider, staker: self.staker, paid: self.all };
        let (rows, pools) = (admin.metadata.stakes(&filter, STAKES_SHOWN).await?, admin.metadata.stake_pools().await?);
        Ok(rows.iter().map(|row| shown(row, &pools)).collect())
    }
}

fn shown(row: &StakeRow, pools: &BTreeMap<String, PoolRow>) -> ShownStake {
    let pool = pools.get(&row.provider).copied().unwrap_or_default();
    let worth = match row.state {
        StakeState::Arriving => row.principal,
        StakeState::Active => ExchangeRate { wal: pool.wal, shares: pool.shares }.worth_of(row.shares),
        StakeState::Paid => row.paid.unwrap_or_default(),
    };
    let state = match row.state {
        StakeState::Active if row.leaves_at.is_some() => "leaving",
        state => state.as_str(),
    };
    ShownStake {
        stake: row.id.clone(),
        reference: row.reference.clone(),
        staker: row.staker.clone(),
        provider: row.provider.clone(),
        principal: row.principal.0,
        is_own: row.is_own,
        state: state.to_owned(),
        active_from: row.active_from.0,
        leaves_at: row.leaves_at.map(|epoch| epoch.0),
        shares: row.shares.to_string(),
        worth: worth.0,
    }
}
