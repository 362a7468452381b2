//! Rows of buckets: creation and deletion, settings, versioning and object lock, quotas, usage meters.

pub(crate) mod bucket;
pub(crate) mod bucket_cache;
mod name_holds;
pub(crate) mod quota_count;
pub(crate) mod quota_recount;
pub(crate) mod quota_row;
pub(crate) mod quotas;
pub(crate) mod settings;
pub(crate) mod usage;
pub(crate) mod versioning;
