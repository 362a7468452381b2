//! Price floors that nodes signed, each a row that never changes.

use backends::node::protocol::SignedPriceFloor;

use crate::domain::Timestamp;
use crate::domain::money::epoch::Epoch;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{int, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::money::posting::LedgerEnd;
use crate::metadata::staking::moment::VotingMoment;
use crate::metadata::staking::providers;

/// A price floor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceFloorRow {
    /// Whose.
    pub provider: String,
    /// What its node signed. It holds from the beginning of its epoch until the provider's next one does.
    pub floor: SignedPriceFloor,
    /// The epoch in which it was registered.
    pub registered_in: Epoch,
    /// When that was.
    pub registered_at: Timestamp,
}

/// What became of a floor that was to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisteredFloor {
    /// It is registered.
    New(PriceFloorRow),
    /// The same was.
    Known(PriceFloorRow),
    /// The provider is not registered.
    NotRegistered,
    /// The provider is registered with another key than the one that signed it, or without any.
    OtherKey,
    /// Its epoch has begun, or votes for it are closed.
    Begun,
    /// The provider has another floor for this epoch, or one for a later epoch.
    NotLater(PriceFloorRow),
    /// Another epoch has begun, or money is not charged in it: decide again.
    Late,
}

impl MetadataStore {
    /// Registers a floor. The same again changes nothing.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn register_price_floor(
        &self,
        provider: &str,
        floor: SignedPriceFloor,
        at: VotingMoment,
    ) -> Result<RegisteredFloor> {
        self.database().transact(Register { provider: provider.to_owned(), floor, at }).await
    }

    /// The floors that are in force in an epoch, by provider.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn price_floors_in(&self, epoch: Epoch) -> Result<Vec<PriceFloorRow>> {
        in_force(&mut self.database().reader().await?, epoch).await
    }

    /// The floors that were registered in an epoch, or the last ones; newest first.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn price_floors(&self, registered_in: Option<Epoch>, most: usize) -> Result<Vec<PriceFloorRow>> {
        let (first, last) = match registered_in {
            Some(epoch) => (int(epoch.0)?, int(epoch.0)?),
            None => (0, i64::MAX),
        };
        let text = format!(
            "SELECT {COLUMNS} FROM price_floor WHERE registered_in BETWEEN $1 AND $2 \
             ORDER BY registered_at DESC, provider, in_force DESC LIMIT $3"
        );
        let rows = self.database().rows(Statement::new(text).bind(first).bind(last).bind(limit(most))).await?;
        rows.iter().map(price_floor).collect()
    }
}

const COLUMNS: &str = "provider, statement, registered_in, registered_at";

fn price_floor(row: &Row) -> Result<PriceFloorRow> {
    let provider = row.text(0)?.to_owned();
    let damaged = |error| MetadataError::Damaged(format!("the price floor of {provider}: {error}"));
    let floor = row.text(1)?.parse().map_err(damaged)?;
    Ok(PriceFloorRow { provider, floor, registered_in: Epoch(row.number(2)?), registered_at: Timestamp(row.int(3)?) })
}

/// The floors that are in force in an epoch, by provider.
pub(in crate::metadata) async fn in_force(session: &mut Session, epoch: Epoch) -> Result<Vec<PriceFloorRow>> {
    let text = format!(
        "SELECT {COLUMNS} FROM price_floor f WHERE in_force = \
         (SELECT MAX(l.in_force) FROM price_floor l WHERE l.provider = f.provider AND l.in_force <= $1) ORDER BY provider"
    );
    session.rows(Statement::new(text).bind(int(epoch.0)?)).await?.iter().map(price_floor).collect()
}

/// The last floor of a provider, in force or not.
async fn last(tx: &mut Session, provider: &str) -> Result<Option<PriceFloorRow>> {
    let text = format!("SELECT {COLUMNS} FROM price_floor WHERE provider = $1 ORDER BY in_force DESC LIMIT 1");
    tx.row(Statement::new(text).bind(provider)).await?.as_ref().map(price_floor).transpose()
}

struct Register {
    provider: String,
    floor: SignedPriceFloor,
    at: VotingMoment,
}

impl Work for Register {
    type Done = RegisteredFloor;

    async fn run(&self, tx: &mut Session) -> Result<RegisteredFloor> {
        let end = LedgerEnd::hold(tx).await?;
        let Some(known) = providers::one(tx, &self.provider).await? else {
            return Ok(RegisteredFloor::NotRegistered);
        };
        if known.node_key != self.floor.node.to_string() {
            return Ok(RegisteredFloor::OtherKey);
        }
        let last = last(tx, &self.provider).await?;
        if let Some(same) = last.as_ref().filter(|last| last.floor == self.floor) {
            return Ok(RegisteredFloor::Known(same.clone()));
        }
        if !self.at.holds(tx, end.now).await? {
            return Ok(RegisteredFloor::Late);
        }
        let registered_in = self.at.votes_in();
        if self.floor.epoch <= registered_in.0 {
            return Ok(RegisteredFloor::Begun);
        }
        if let Some(later) = last.filter(|last| last.floor.epoch >= self.floor.epoch) {
            return Ok(RegisteredFloor::NotLater(later));
        }
        let text = "INSERT INTO price_floor (provider, in_force, storage_price, write_price, statement, registered_in, \
                    registered_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let statement = Statement::new(text)
            .bind(self.provider.as_str())
            .bind(int(self.floor.epoch)?)
            .bind(int(self.floor.storage)?)
            .bind(int(self.floor.write)?)
            .bind(self.floor.to_string().as_str())
            .bind(int(registered_in.0)?)
            .bind(end.now);
        tx.execute(statement).await?;
        Ok(RegisteredFloor::New(PriceFloorRow {
            provider: self.provider.clone(),
            floor: self.floor,
            registered_in,
            registered_at: Timestamp(end.now),
        }))
    }
}
