//! Pools and their exchange rates.

use std::collections::BTreeMap;

use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{int, limit};
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::money::stored_entry::frost;

/// The active stake of a provider's pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolRow {
    /// Stake with its rewards.
    pub wal: Frost,
    /// Its shares.
    pub shares: u128,
    /// The rewards in it.
    pub rewards: Frost,
    /// How many stakes hold its shares.
    pub positions: u64,
}

/// What a pool's shares were worth at the end of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateRow {
    /// Whose pool.
    pub provider: String,
    /// The epoch.
    pub epoch: Epoch,
    /// Stake with its rewards.
    pub wal: Frost,
    /// Its shares.
    pub shares: u128,
}

impl MetadataStore {
    /// Every pool, by the name of its provider, as the last settled epoch left it.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn stake_pools(&self) -> Result<BTreeMap<String, PoolRow>> {
        all(&mut self.database().reader().await?).await
    }

    /// The last exchange rates of a pool, newest first.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn stake_rates(&self, provider: &str, most: usize) -> Result<Vec<RateRow>> {
        let text =
            "SELECT provider, epoch, wal, shares FROM stake_rate WHERE provider = $1 ORDER BY epoch DESC LIMIT $2";
        let rows = self.database().rows(Statement::new(text).bind(provider).bind(limit(most))).await?;
        let rate = |row: &Row| {
            let (provider, epoch) = (row.text(0)?.to_owned(), Epoch(row.number(1)?));
            Ok(RateRow { provider, epoch, wal: frost(row, 2)?, shares: shares(row, 3)? })
        };
        rows.iter().map(rate).collect()
    }

    /// The share of new slivers of each provider by stake and capacity, in millionths; none where nobody has staked.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn placement_weights(&self) -> Result<BTreeMap<String, u64>> {
        weights(&mut self.database().reader().await?).await
    }
}

/// Shares, as decimal digits in a column.
pub(super) fn shares(row: &Row, column: usize) -> Result<u128> {
    let text = row.text(column)?;
    text.parse().map_err(|_| MetadataError::Damaged(format!("a pool of {text:?} shares")))
}

pub(in crate::metadata) async fn all(session: &mut Session) -> Result<BTreeMap<String, PoolRow>> {
    let text = "SELECT provider, wal, shares, rewards, positions FROM stake_pool ORDER BY provider";
    let mut pools = BTreeMap::new();
    for row in session.rows(Statement::new(text)).await? {
        let (wal, rewards) = (frost(&row, 1)?, frost(&row, 3)?);
        let pool = PoolRow { wal, shares: shares(&row, 2)?, rewards, positions: row.number(4)? };
        pools.insert(row.text(0)?.to_owned(), pool);
    }
    Ok(pools)
}

pub(in crate::metadata) async fn weights(session: &mut Session) -> Result<BTreeMap<String, u64>> {
    let text = "SELECT provider, weight FROM placement_weight ORDER BY provider";
    let rows = session.rows(Statement::new(text)).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.number(1)?))).collect()
}

/// Replaces all weights.
pub(super) async fn set_weights(tx: &mut Session, weights: &BTreeMap<String, u64>) -> Result<()> {
    tx.execute(Statement::new("DELETE FROM placement_weight")).await?;
    let mut rows = Vec::with_capacity(weights.len());
    for (provider, weight) in weights {
        rows.push([provider.as_str().into(), Value::Int(int(*weight)?)]);
    }
    tx.execute_rows("INSERT INTO placement_weight (provider, weight) VALUES ", rows, "").await.map(drop)
}

/// Takes over pools as an epoch leaves them, with its rates.
pub(super) async fn set_pools(tx: &mut Session, epoch: Epoch, pools: &[(String, PoolRow, PoolRow)]) -> Result<()> {
    let (mut after, mut rates) = (Vec::with_capacity(pools.len()), Vec::with_capacity(pools.len()));
    for (provider, rate, pool) in pools {
        after.push([
            provider.as_str().into(),
            int(pool.wal.0)?.into(),
            pool.shares.to_string().as_str().into(),
            int(pool.rewards.0)?.into(),
            Value::Int(int(pool.positions)?),
        ]);
        let shares = rate.shares.to_string();
        rates.push([
            provider.as_str().into(),
            int(epoch.0)?.into(),
            int(rate.wal.0)?.into(),
            Value::from(shares.as_str()),
        ]);
    }
    let tail = " ON CONFLICT (provider) DO UPDATE SET wal = EXCLUDED.wal, shares = EXCLUDED.shares, \
                rewards = EXCLUDED.rewards, positions = EXCLUDED.positions";
    tx.execute_rows("INSERT INTO stake_pool (provider, wal, shares, rewards, positions) VALUES ", after, tail).await?;
    tx.execute_rows("INSERT INTO stake_rate (provider, epoch, wal, shares) VALUES ", rates, "").await.map(drop)
}
