//! The storage node, and the gateway's client for it.
//!
//! [`protocol`] is what both write to each other, [`server`] the node, `client` the store that a gateway uses. The document is
//! [`document`].

mod ambient;
mod client;
pub mod identity;
pub mod protocol;
pub mod server;

pub use client::NODE_KEY;
pub(crate) use client::NodeStore;

#[doc = include_str!("../../NODE.md")]
pub mod document {}
