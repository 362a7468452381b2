//! Operations on buckets as a whole, and the listings.

pub(crate) mod bucket;
pub(crate) mod list_buckets;
pub(crate) mod list_objects;
pub(crate) mod list_versions;
pub(crate) mod location;
