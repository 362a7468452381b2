//! Haulout: an S3 gateway over storage that no single party controls.

pub mod clock;
pub mod domain;
pub mod metadata;
pub mod objects;
pub mod s3;
