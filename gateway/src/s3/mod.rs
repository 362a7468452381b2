//! The S3 door: an HTTP request in, one use case, an S3 reply out.

pub mod auth;
pub mod body;
pub mod error;
pub mod uri;
