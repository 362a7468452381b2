//! What is reported about buckets: access logs, inventories, meters, notifications.
//!
//! Not here: the documents themselves, which the pure module `events` writes.

pub(crate) mod access_log;
pub(crate) mod access_log_buffer;
mod encoded_size;
pub(crate) mod inventory;
pub(crate) mod meter;
pub(crate) mod notifications;
