//! Keys of content: which one is asked for, and one that was found.

use crate::domain::{ContentEncryption, ContentKey, ContentRuns, Peer, UserId};
use crate::objects::encryption::data_key::DataKey;

/// The key a write is to be encrypted with.
#[derive(Clone, Debug)]
pub enum KeyChoice {
    /// The client's, sent with the request (SSE-C).
    Customer(DataKey),
    /// One of the key service's (SSE-KMS).
    Kms {
        /// Its name; `None` for the default one.
        key: Option<String>,
        /// The encryption context: Base64 of JSON.
        context: Option<String>,
        /// Whether a bucket key was asked for.
        bucket_key: bool,
    },
}

/// Who reads something that is stored, and what opens it: the account of its bucket, which may use some keys of the key service, and the key
/// that a client sent.
#[derive(Clone, Debug)]
pub struct Opener {
    /// The account of the bucket that it lies in.
    pub account: UserId,
    /// The client's key (SSE-C), if one was sent.
    pub customer: Option<DataKey>,
    /// Whose share of the memory for reads it takes from.
    pub peer: Option<Peer>,
}

/// A key for one object, and what will be kept with the object about it.
#[derive(Clone, Debug)]
pub struct EncryptionKey {
    pub(crate) data_key: DataKey,
    pub(crate) key: ContentKey,
}

impl EncryptionKey {
    /// What will be kept.
    #[must_use]
    pub fn encryption(&self) -> ContentEncryption {
        ContentEncryption { key: self.key.clone(), runs: ContentRuns::default() }
    }
}
