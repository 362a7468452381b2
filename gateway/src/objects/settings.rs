//! What an operator may tune.

/// Numbers an operator may tune.
#[derive(Clone, Copy, Debug)]
pub struct ObjectsSettings {
    /// Most content of one blob, in bytes.
    pub blob_bytes_max: u64,
    /// Objects up to this size share quilts, in bytes.
    pub quilt_object_bytes_max: u64,
    /// Most content of one quilt, in bytes.
    pub quilt_bytes_max: u64,
    /// Longest linger before a quilt is sealed, in microseconds; a lone writer never waits.
    pub quilt_linger_us_max: u64,
    /// Bytes all requests together may hold: one half for writes, the other for reads.
    pub memory_bytes: u64,
    /// Largest object, in bytes.
    pub object_bytes_max: u64,
}

impl Default for ObjectsSettings {
    fn default() -> Self {
        Self {
            blob_bytes_max: 64 << 20,
            quilt_object_bytes_max: 1 << 20,
            quilt_bytes_max: 16 << 20,
            quilt_linger_us_max: 2_000,
            memory_bytes: 288 << 20,
            object_bytes_max: 5 << 40,
        }
    }
}
