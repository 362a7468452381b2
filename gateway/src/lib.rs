//! Haulout: an S3 gateway over storage that no single party controls.

pub mod admin;
pub mod app;
pub mod audit;
pub mod batching;
pub mod clock;
pub mod config;
pub mod domain;
pub mod events;
pub mod journal;
pub mod ledger;
pub mod lifecycle;
pub mod metadata;
pub mod objects;
pub mod placement;
pub mod policy;
pub mod publication;
pub mod recover;
pub mod s3;
pub mod settlement;
pub mod staking;
pub mod web;
pub mod workers;

#[cfg(test)]
mod tests;
