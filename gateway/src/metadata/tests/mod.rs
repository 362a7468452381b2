//! Scenarios on both databases.

mod cached;
mod checks;
mod collection;
mod connections;
mod events;
mod fixture;
mod gateways;
mod heartbeats;
mod identity;
mod incarnations;
mod lists;
mod meters;
mod opening;
mod quotas;
mod repairs;
mod rewrap;
mod server;
mod settings;
mod uploads;
mod users;
mod versioned;
mod walks;
mod writes;
