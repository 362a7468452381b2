//! Scenarios on both databases.

mod behind_the_store;
mod cached;
mod checks;
mod cluster;
mod collection;
mod engine;
mod fixture;
mod gateways;
mod identity;
mod incarnations;
mod journal;
mod ledger_log;
mod money;
pub(crate) mod objects;
mod quotas;
mod repairs;
mod rewrap;
mod server;
mod settings;
mod thin;
mod users;
