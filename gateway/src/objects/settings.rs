//! What an operator may tune.

use crate::config::{JournalConfig, LimitsConfig, ObjectsConfig, S3Config};

/// What of the configuration the use cases go by.
#[derive(Clone, Debug)]
pub struct ObjectsSettings {
    /// `[objects]`.
    pub objects: ObjectsConfig,
    /// `[journal]`.
    pub journal: JournalConfig,
    /// Bytes all requests together may hold: one half for writes, the other for reads.
    pub memory_bytes: u64,
    /// Largest object, in bytes.
    pub object_bytes_max: u64,
}

impl Default for ObjectsSettings {
    fn default() -> Self {
        Self {
            objects: ObjectsConfig::default(),
            journal: JournalConfig::default(),
            memory_bytes: LimitsConfig::default().memory_bytes,
            object_bytes_max: S3Config::default().object_bytes_max,
        }
    }
}
