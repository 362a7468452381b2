//! What encryption the objects of a bucket get when nobody asks for another.

use serde::{Deserialize, Serialize};

use crate::domain::bucket::setting::Setting;

/// The default encryption of a bucket. Without one, content is encrypted with the gateway's own keys all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultEncryption {
    /// Whose keys.
    pub algorithm: DefaultAlgorithm,
    /// The key of the KMS, when one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// Whether one key of the KMS may stand for many objects; kept and shown as it was said, said or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_key: Option<bool>,
}

/// Whose keys encrypt by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DefaultAlgorithm {
    /// The gateway's own: SSE-S3.
    #[serde(rename = "AES256")]
    Gateway,
    /// A key management system's: SSE-KMS.
    #[serde(rename = "aws:kms")]
    Kms,
}

impl DefaultAlgorithm {
    /// The word S3 has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "AES256",
            Self::Kms => "aws:kms",
        }
    }
}

impl Setting for DefaultEncryption {
    const KIND: &'static str = "encryption";
}
