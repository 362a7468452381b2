//! Buckets: their names, states, settings, default encryption, and what is metered of them.

pub(crate) mod bucket_row;
pub(crate) mod configurations;
pub(crate) mod default_encryption;
pub(crate) mod placement_rule;
pub(crate) mod setting;
pub(crate) mod usage;
