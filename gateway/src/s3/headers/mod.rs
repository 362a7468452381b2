//! Headers of S3 requests and replies, each read into a typed value once and written back from one.

pub(crate) mod checksums;
pub(crate) mod conditions;
pub(crate) mod copy_source;
pub(crate) mod encoded_words;
pub(crate) mod encryption_keys;
pub(crate) mod expiration;
pub(crate) mod object_headers;
pub(crate) mod object_lock;
pub(crate) mod object_tags;
pub(crate) mod range;
pub(crate) mod repeated_headers;
pub(crate) mod sse;
pub(crate) mod storage_class;
pub(crate) mod versions;
pub(crate) mod write_attributes;
pub(crate) mod write_offset;
