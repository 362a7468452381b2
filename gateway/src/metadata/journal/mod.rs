//! The journal's side of the database: what was not written to the backends yet, what was, snapshots, and rebuilding from both.

pub mod dump;
pub(super) mod outbox;
pub(in crate::metadata) use records::go_on_after;

pub mod records;
pub(in crate::metadata) mod relations;
pub mod restore;
