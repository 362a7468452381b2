//! `[objects]`: how content is cut, and when what died is removed.

use serde::Deserialize;

/// Sizes of blobs and quilts, and the times of collection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObjectsConfig {
    /// Content bytes of a blob; a larger object is several blobs.
    pub blob_bytes_max: u64,
    /// Objects up to this many bytes share quilts.
    pub quilt_object_bytes_max: u64,
    /// A quilt is sealed at this many bytes at the latest.
    pub quilt_bytes_max: u64,
    /// Milliseconds an open quilt lingers while the backends are idle.
    pub linger_ms: u64,
    /// Seconds between the death of a blob and the deletion of its slivers.
    pub grace_seconds: i64,
    /// Seconds that what was deleted as an orphan stays in the trash of backends that have one.
    pub trash_seconds: u64,
    /// Days after which an upload that was neither completed nor aborted and got no part is given up; 0 for never.
    pub upload_days_max: u32,
    /// A copy of an object that was uploaded in parts keeps its parts, its ETag and its checksum, so that nothing is read and the
    /// source may have any size. Off: the copy is a whole object, as Amazon's are.
    pub copies_keep_parts: bool,
    /// Seconds between two heartbeats of a backend that is a directory.
    pub heartbeat_seconds: u64,
    /// Seconds between two heartbeats of any other backend, which may bill them.
    pub heartbeat_remote_seconds: u64,
    /// Bytes of slivers that are moved in a second by drains, replacements, rebalances and placement rules; 0 for no bound. What is endangered
    /// does not wait.
    pub move_bytes_per_second: u64,
    /// Bytes that are read and written in a second, on average, to rebuild slivers that are lost; 0 for no bound. Blobs whose next loss would be
    /// their end do not wait.
    pub repair_bytes_per_second: u64,
}

impl Default for ObjectsConfig {
    fn default() -> Self {
        Self {
            blob_bytes_max: 64 << 20,
            quilt_object_bytes_max: 1 << 20,
            quilt_bytes_max: 16 << 20,
            linger_ms: 2,
            grace_seconds: 3_600,
            trash_seconds: 7 * 86_400,
            upload_days_max: 7,
            copies_keep_parts: false,
            heartbeat_seconds: 30,
            heartbeat_remote_seconds: 300,
            move_bytes_per_second: 64 << 20,
            repair_bytes_per_second: 0,
        }
    }
}
