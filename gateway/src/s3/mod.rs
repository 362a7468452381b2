//! The S3 API: parses HTTP requests, authenticates and authorizes them, calls a use case, writes the S3 response.
//!
//! Read `handle` first: the path of a request. `route` finds the operation of a request, `ops` holds the operations.

mod access;
mod access_log;
mod acl;
pub mod auth;
mod authorize;
pub mod body;
mod body_drain;
mod checksums;
mod condition_context;
mod conditions;
mod connection_info;
mod copy_source;
mod cors;
mod encoding;
pub mod error;
mod expiration;
pub mod form;
mod handle;
mod iam;
mod lifecycle_xml;
mod listing;
mod locks;
mod meters;
mod notification_xml;
mod object_headers;
mod object_tags;
mod operation_input;
mod ops;
mod owners;
mod peers;
pub mod probe;
mod range;
mod repeated_headers;
mod request;
mod request_context;
mod request_id;
mod request_target;
mod respond;
mod route;
mod service;
mod sse;
mod state;
mod storage_class;
mod tags;
mod target;
pub mod uri;
mod versions;
mod website;
mod write_attributes;
mod write_headers;
mod xml;

pub use connection_info::ConnectionInfo;
pub use peers::{Peer, PeerCounts, PeerPlace};
pub use respond::Response;
pub use service::S3Service;
pub use state::S3Settings;
pub use website::WebsiteService;

/// The list of operations as the README shows it between `<!-- operations -->` and `<!-- /operations -->`.
#[must_use]
pub fn operations_as_markdown() -> String {
    route::operations_as_markdown(&route::TABLE)
}
