//! The S3 door: an HTTP request in, one use case, an S3 reply out.
//!
//! Read `handle` first: it is the way of a request. `route` says which operation a request is, `ops` holds the operations.

mod access;
mod access_log;
mod acl;
mod arrival;
pub mod auth;
pub mod body;
mod call;
mod carried;
mod checksums;
mod conditions;
mod copy_source;
mod cors;
mod door;
mod encoding;
pub mod error;
mod expiration;
mod facts;
pub mod form;
mod handle;
mod iam;
mod judge;
mod lent_body;
mod lifecycle_xml;
mod listing;
mod locks;
mod meters;
mod notification_xml;
mod object_headers;
mod object_tags;
mod operation_input;
mod ops;
mod peers;
mod people;
pub mod probe;
mod range;
mod repeated_headers;
mod request_context;
mod request_id;
mod request_target;
mod respond;
mod route;
mod service;
mod sse;
mod storage_class;
mod tags;
mod target;
pub mod uri;
mod versions;
mod website;
mod write_headers;
mod xml;

pub use arrival::Arrival;
pub use door::S3Settings;
pub use peers::{Peer, PeerCounts, PeerPlace};
pub use respond::Response;
pub use service::S3Service;
pub use website::WebsiteService;

/// The list of operations as the README shows it between `<!-- operations -->` and `<!-- /operations -->`.
#[must_use]
pub fn operations_as_markdown() -> String {
    route::operations_as_markdown(&route::TABLE)
}
