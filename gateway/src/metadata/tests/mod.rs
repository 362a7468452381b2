//! Stories told on both databases.

mod cached;
mod checks;
mod collection;
mod connections;
mod fixture;
mod gateways;
mod heartbeats;
mod identity;
mod incarnations;
mod lists;
mod meters;
mod opening;
mod people;
mod quotas;
mod repairs;
mod rewrap;
mod server;
mod settings;
mod told;
mod uploads;
mod versioned;
mod walks;
mod writes;
