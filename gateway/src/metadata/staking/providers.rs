//! Providers that take stake and vote, with their commissions.

use std::collections::BTreeMap;

use crate::domain::UserId;
use crate::domain::money::epoch::Epoch;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::int;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;
use crate::metadata::money::posting::LedgerEnd;

/// A provider that takes stake and votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StakingProvider {
    /// Its name: that of its backend.
    pub provider: String,
    /// The staker whose stake in its pool is its own.
    pub owner: String,
    /// Whose buckets are its own.
    pub account: Option<UserId>,
    /// The key that the node is known by; empty for a backend of the operator.
    pub node_key: String,
    /// The epoch in which it registered.
    pub registered_in: Epoch,
    /// Its commissions in hundredths of a percent, by the epoch from which they are in force.
    pub commissions: BTreeMap<Epoch, u64>,
}

impl StakingProvider {
    /// The commission that is in force in an epoch.
    #[must_use]
    pub fn commission_in(&self, epoch: Epoch) -> Option<u64> {
        self.commissions.range(..=epoch).next_back().map(|(_, commission)| *commission)
    }
}

/// A registration, or what is to change about one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The provider: the name of its backend.
    pub provider: String,
    /// The staker whose stake in its pool is its own.
    pub owner: String,
    /// Whose buckets are its own; what is known stays where absent.
    pub account: Option<UserId>,
    /// The key that the node is known by; empty for a backend of the operator.
    pub node_key: String,
    /// What it keeps of its rewards, in hundredths of a percent.
    pub commission_bp: u64,
    /// The epoch that is under way.
    pub now: Epoch,
    /// The epoch from which another commission than the announced one is in force.
    pub commission_from: Epoch,
}

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It is registered now.
    New,
    /// It was, and something about it changed.
    Changed,
    /// It was, and nothing changed.
    Same,
    /// It is registered with another key or another owner, which never change.
    Different,
}

impl MetadataStore {
    /// Registers a provider, or announces another commission of one. The same again changes nothing.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn register_provider(&self, registration: Registration) -> Result<Registered> {
        self.database().transact(Register(registration)).await
    }

    /// Every registered provider, by name.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn staking_providers(&self) -> Result<BTreeMap<String, StakingProvider>> {
        all(&mut self.database().reader().await?).await
    }
}

struct Register(Registration);

impl Work for Register {
    type Done = Registered;

    async fn run(&self, tx: &mut Session) -> Result<Registered> {
        LedgerEnd::hold(tx).await?;
        let Registration { provider, owner, account, node_key, commission_bp, now, commission_from } = &self.0;
        let account = account.map_or(Value::NoInt, |account| Value::Int(account.0));
        let Some(known) = one(tx, provider).await? else {
            let text = "INSERT INTO staking_provider (provider, owner, account_id, node_key, registered_in) \
                        VALUES ($1, $2, $3, $4, $5)";
            let statement = Statement::new(text).bind(provider.as_str()).bind(owner.as_str()).bind(account);
            tx.execute(statement.bind(node_key.as_str()).bind(int(now.0)?)).await?;
            announce(tx, provider, Epoch(0), *commission_bp).await?;
            return Ok(Registered::New);
        };
        if known.owner != *owner || known.node_key != *node_key {
            return Ok(Registered::Different);
        }
        let mut outcome = Registered::Same;
        if self.0.account.is_some() && known.account != self.0.account {
            let text = "UPDATE staking_provider SET account_id = $1 WHERE provider = $2";
            tx.execute(Statement::new(text).bind(account).bind(provider.as_str())).await?;
            outcome = Registered::Changed;
        }
        if known.commissions.values().next_back() != Some(commission_bp) {
            announce(tx, provider, *commission_from, *commission_bp).await?;
            outcome = Registered::Changed;
        }
        Ok(outcome)
    }
}

/// One that was announced for the same epoch is replaced.
async fn announce(tx: &mut Session, provider: &str, from: Epoch, commission_bp: u64) -> Result<()> {
    let text = "INSERT INTO provider_commission (provider, in_force, basis_points) VALUES ($1, $2, $3) \
                ON CONFLICT (provider, in_force) DO UPDATE SET basis_points = EXCLUDED.basis_points";
    let statement = Statement::new(text).bind(provider).bind(int(from.0)?).bind(int(commission_bp)?);
    tx.execute(statement).await.map(drop)
}

const COLUMNS: &str = "p.provider, p.owner, p.account_id, p.node_key, p.registered_in, c.in_force, c.basis_points";

/// A registered provider.
pub(super) async fn one(session: &mut Session, provider: &str) -> Result<Option<StakingProvider>> {
    let text = format!(
        "SELECT {COLUMNS} FROM staking_provider p JOIN provider_commission c ON c.provider = p.provider \
         WHERE p.provider = $1 ORDER BY c.in_force"
    );
    let rows = session.rows(Statement::new(text).bind(provider)).await?;
    Ok(gathered(&rows)?.remove(provider))
}

/// Every registered provider.
pub(in crate::metadata) async fn all(session: &mut Session) -> Result<BTreeMap<String, StakingProvider>> {
    let text = format!(
        "SELECT {COLUMNS} FROM staking_provider p JOIN provider_commission c ON c.provider = p.provider \
         ORDER BY p.provider, c.in_force"
    );
    gathered(&session.rows(Statement::new(text)).await?)
}

fn gathered(rows: &[Row]) -> Result<BTreeMap<String, StakingProvider>> {
    let mut providers = BTreeMap::new();
    for row in rows {
        let provider = row.text(0)?.to_owned();
        let entry = match providers.entry(provider.clone()) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(StakingProvider {
                provider,
                owner: row.text(1)?.to_owned(),
                account: row.number_if_any(2)?.map(UserId),
                node_key: row.text(3)?.to_owned(),
                registered_in: Epoch(row.number(4)?),
                commissions: BTreeMap::new(),
            }),
        };
        entry.commissions.insert(Epoch(row.number(5)?), row.number(6)?);
    }
    Ok(providers)
}
