//! The S3 API: parses HTTP requests, authenticates and authorizes them, calls a use case, writes the S3 response.
//!
//! Read `pipeline::handle` first: the path of a request. `route` finds the operation of a request, `ops` holds the operations.

pub mod auth;
mod authz;
pub mod body;
mod documents;
pub mod error;
pub mod form;
mod headers;
mod iam;
mod ops;
mod pipeline;
#[cfg(any(test, feature = "fuzzing"))]
pub mod probe;
mod respond;
mod route;
pub mod uri;
mod website;

pub use pipeline::connection_info::ConnectionInfo;
pub use pipeline::peers::{Peer, PeerCounts, PeerPlace};
pub use pipeline::service::S3Service;
pub use pipeline::state::S3Settings;
pub use respond::Response;
pub use website::WebsiteService;

/// The list of operations as `gateway/S3.md` shows it between `<!-- operations -->` and `<!-- /operations -->`.
#[must_use]
pub fn operations_as_markdown() -> String {
    route::operations_as_markdown(&route::TABLE)
}
