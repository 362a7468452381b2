//! Digests of content: the ETag's MD5, signed SHA-256 values, additional checksums, and those of objects made of parts.
//!
//! Not here: the proofs of slivers, which are the codec's.

pub(crate) mod checksum_digest;
pub(crate) mod combine;
pub(crate) mod content_md5;
pub(crate) mod digest;
pub(crate) mod digest_queue;
