//! Scenarios on both databases.

mod absences;
mod behind_the_store;
mod cached;
mod checks;
mod collection;
mod connections;
mod draining;
mod fixture;
mod gateways;
mod heartbeats;
mod identity;
mod incarnations;
pub(crate) mod objects;
mod opening;
mod quotas;
mod repairs;
mod rewrap;
mod server;
mod settings;
mod thin;
mod users;
