//! The node's small files: who is admitted, what stores are called, and records that only grow.

pub(super) mod admission_file;
pub(super) mod record_log;
pub(super) mod store_names;
pub(super) mod whole_file;
