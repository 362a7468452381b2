//! Encryption of content below its digests (SSE-C, SSE-KMS), the key service, and rotation of the keys that wrap data keys.
//!
//! Not here: the encryption of every blob, which is the codec's.

pub(crate) mod content;
pub(crate) mod data_key;
pub(crate) mod encryption_key;
pub(crate) mod key_file;
pub(crate) mod key_provider;
pub(crate) mod kms_context;
pub(crate) mod rewrap;
