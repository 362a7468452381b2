//! The composition root: the command line, start-up and shutdown, and the wiring of every room.

mod banner;
mod cli;
mod cluster_key;
mod commands;
mod data_folder;
mod descriptors;
mod foundation;
mod house;
mod keys;
pub mod listener;
mod log;
mod ops;
mod reload;
mod root_user;
mod run;
mod s3_service;
mod serve;
mod signals;
mod sockets;
mod tenure;

#[cfg(test)]
mod tests;

pub use run::run;
