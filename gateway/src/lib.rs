//! Haulout: an S3 gateway over storage that no single party controls.

pub mod app;
pub mod clock;
pub mod config;
pub mod domain;
pub mod metadata;
pub mod objects;
pub mod placement;
pub mod audit;
pub mod workers;
pub mod s3;
