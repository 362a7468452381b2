//! ACLs in requests: canned ACLs, grant headers, XML documents. Their effect is decided by `policy`.

mod author;
mod canned;
mod check;
mod document;
mod grantee;
mod headers;

pub use author::public_lists_are_blocked;
pub use canned::Canned;
pub use document::{read, write};
pub use headers::{RequestedAcl, condition_value, requested};
