//! Stake in settlements: what comes, stays and goes at the end of an epoch, and what the plan makes of it.

use std::collections::BTreeMap;

use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::metadata::engine::columns::{int, limit};
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::staking::pools::{self, PoolRow};
use crate::metadata::staking::stake_rows::{STAKE_COLUMNS, StakeRow, stake};

/// Stakes that come, and that go, in one epoch; later ones wait for the next.
const MOVING_MAX: usize = 50_000;

/// What there is of stake when an epoch is settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StakeRows {
    /// Pools by the name of their provider.
    pub pools: BTreeMap<String, PoolRow>,
    /// What becomes active at the end of the epoch.
    pub arriving: Vec<StakeRow>,
    /// What is active and leaves then.
    pub leaving: Vec<StakeRow>,
    /// What is active, stays, and is a provider's own.
    pub own: Vec<StakeRow>,
    /// Shares of new slivers so far, in millionths.
    pub weights: BTreeMap<String, u64>,
}

/// What becomes of a stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettledStake {
    /// It is active with so many shares.
    Active(u128),
    /// It is paid back.
    Paid(Frost),
}

/// What a settlement makes of stake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettledStakes {
    /// Pools: their provider, the rate at which stake came and went, and the pool after it.
    pub pools: Vec<(String, PoolRow, PoolRow)>,
    /// What becomes of stakes, by name.
    pub stakes: Vec<(String, SettledStake)>,
    /// Shares of new slivers from now on, in millionths.
    pub weights: BTreeMap<String, u64>,
}

/// What there is of stake at the end of an epoch.
pub(in crate::metadata) async fn read(session: &mut Session, epoch: Epoch) -> Result<StakeRows> {
    let next = int(epoch.next().0)?;
    let arriving = "state = 'arriving' AND active_from <= $1 ORDER BY active_from, id LIMIT $2";
    let leaving = "state = 'active' AND leaves_at IS NOT NULL AND leaves_at <= $1 ORDER BY leaves_at, id LIMIT $2";
    let own = "state = 'active' AND is_own AND (leaves_at IS NULL OR leaves_at > $1) ORDER BY id LIMIT $2";
    let mut found = Vec::with_capacity(3);
    for wanted in [arriving, leaving, own] {
        let text = format!("SELECT {STAKE_COLUMNS} FROM stake WHERE {wanted}");
        let rows = session.rows(Statement::new(text).bind(next).bind(limit(MOVING_MAX))).await?;
        found.push(rows.iter().map(stake).collect::<Result<Vec<_>>>()?);
    }
    let (own, leaving, arriving) = (found.pop(), found.pop(), found.pop());
    Ok(StakeRows {
        pools: pools::all(session).await?,
        arriving: arriving.unwrap_or_default(),
        leaving: leaving.unwrap_or_default(),
        own: own.unwrap_or_default(),
        weights: pools::weights(session).await?,
    })
}

/// Notes what becomes of stake. A stake that is not as the plan took it makes the settlement fail, and nothing of it stays.
pub(in crate::metadata) async fn apply(tx: &mut Session, epoch: Epoch, settled: &SettledStakes) -> Result<()> {
    pools::set_pools(tx, epoch, &settled.pools).await?;
    for (id, outcome) in &settled.stakes {
        let statement = match outcome {
            SettledStake::Active(shares) => {
                let text = "UPDATE stake SET state = 'active', shares = $1 WHERE id = $2 AND state <> 'paid'";
                Statement::new(text).bind(shares.to_string().as_str())
            }
            SettledStake::Paid(amount) => {
                let text = "UPDATE stake SET state = 'paid', paid = $1 WHERE id = $2 AND state = 'active' \
                            AND leaves_at IS NOT NULL";
                Statement::new(text).bind(int(amount.0)?)
            }
        };
        if tx.execute(statement.bind(id.as_str())).await? != 1 {
            return Err(MetadataError::Damaged(format!("stake {id} is not as its settlement took it")));
        }
    }
    pools::set_weights(tx, &settled.weights).await
}
