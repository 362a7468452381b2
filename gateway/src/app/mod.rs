//! The composition root: the command line, start-up and shutdown, and the wiring of every module.

mod cli;
mod commands;
pub(crate) mod incarnation_lease;
mod keys;
pub mod listener;
mod log;
mod ops;
mod reload;
mod run;
mod s3_service;
mod serve;
mod server;
mod signals;
mod startup;
mod witness;

#[cfg(test)]
mod tests;

pub use run::run;
