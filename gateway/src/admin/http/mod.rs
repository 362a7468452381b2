//! The admin HTTP API: the use cases of the commands as resources below `/v1`, on the admin socket, which only its owner can open.
//!
//! One table says what there is (`route_table.rs`): requests are matched and checked by it, and the OpenAPI document is made of it.

mod answer;
mod document;
mod given;
mod parameter;
mod replies;
mod route;
mod route_table;
mod router;
mod schema;
mod staking_replies;
mod staking_table;
#[cfg(test)]
mod tests;

pub(super) use router::router;
