//! Rows of versions, listings, multipart uploads.
//!
//! Not here: the transaction that makes a write visible (`commit`).

pub(crate) mod complete;
pub(crate) mod list;
pub(crate) mod list_page;
pub(crate) mod list_versions;
pub(crate) mod skip_scan;
pub(crate) mod uploads;
pub(crate) mod version_cache;
pub(crate) mod versions;
pub(crate) mod walk;
