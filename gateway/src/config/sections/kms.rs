//! `[kms]`: the key service behind SSE-KMS.

use std::path::PathBuf;

use serde::Deserialize;

/// The key service that is a file. Without this section requests for SSE-KMS are refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KmsConfig {
    /// The file with the named keys; relative to the configuration file. Its form is in `gateway/src/objects/encryption/key_file.rs`.
    pub file: PathBuf,
}
