//! Objects: keys, versions, extents, attributes, tags, checksums, locks, uploads, conditions of writes.

pub(crate) mod attribute_pairs;
pub(crate) mod attributes;
pub(crate) mod checksum;
pub(crate) mod condition;
pub(crate) mod etag;
pub(crate) mod extent;
pub(crate) mod key;
pub(crate) mod lock;
pub(crate) mod part_number;
pub(crate) mod tag;
pub(crate) mod upload;
pub(crate) mod version;
