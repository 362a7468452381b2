//! The composition root: the command line, start-up and shutdown, and the wiring of every module.

mod banner;
mod cli;
mod cluster_key;
mod commands;
mod components;
mod data_folder;
mod descriptors;
mod incarnation_lease;
mod keys;
pub mod listener;
mod log;
mod ops;
mod reload;
mod root_user;
mod run;
mod s3_service;
mod serve;
mod server;
mod signals;
mod sockets;

#[cfg(test)]
mod tests;

pub use run::run;
