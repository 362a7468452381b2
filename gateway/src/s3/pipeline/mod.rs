//! The way of a request: framing, target, route, signature, permission, handler, reply.
//!
//! Read `handle` first. `request` is what a handler receives, `state` what all requests share. Not here: signatures (`auth`),
//! permissions (`authz`), the operations (`ops`).

pub(crate) mod access_log;
pub(crate) mod body_drain;
pub(crate) mod connection_info;
pub(crate) mod cors;
mod dispatch;
pub(crate) mod error_details;
pub(crate) mod funding;
pub(crate) mod handle;
pub(crate) mod meters;
pub(crate) mod operation_input;
pub(crate) mod peers;
pub(crate) mod request;
pub(crate) mod request_id;
pub(crate) mod request_target;
pub(crate) mod service;
pub(crate) mod state;
pub(crate) mod target;
mod trace;
