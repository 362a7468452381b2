//! Whether a directory takes writes: a full disk is read-only until a probe sees space again.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;

use super::errno::{ErrorContext, folder_error};
use super::publish::StagedFile;
use super::volume::Volume;
use crate::{Space, StoreError};

/// The floor of a large disk, in bytes, when the configuration names none.
const FLOOR_BYTES: u64 = 64 << 20;
/// The floor of a small disk: this part of it.
const FLOOR_PART: u64 = 20;

/// What is known about the space on a disk.
#[derive(Debug)]
pub(super) struct FreeSpace {
    full: AtomicBool,
    floor: Option<u64>,
}

impl FreeSpace {
    /// Assumes that there is space. `floor` is in free bytes.
    pub(super) fn new(floor: Option<u64>) -> Self {
        Self { full: AtomicBool::new(false), floor }
    }

    /// Admits a write.
    ///
    /// # Errors
    /// [`StoreError::Full`], at once, while the disk is known to be full.
    pub(super) fn admit(&self) -> Result<(), StoreError> {
        if self.full.load(Ordering::Relaxed) { Err(StoreError::Full) } else { Ok(()) }
    }

    /// A write met the end of the space.
    pub(super) fn ran_out(&self) {
        self.full.store(true, Ordering::Relaxed);
    }

    /// Measures the space, and tries whether a file can be made.
    pub(super) fn probe(&self, volume: &Volume) -> Result<Space, StoreError> {
        let stat = rustix::fs::fstatvfs(volume.root()).map_err(|errno| folder_error(errno, ErrorContext::Reading))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        let total = stat.f_blocks.saturating_mul(stat.f_frsize);
        let floor = self.floor.unwrap_or(FLOOR_BYTES.min(total / FLOOR_PART));
        let full = match volume.staging_dir().and_then(StagedFile::create) {
            Ok(_removed_when_dropped) => free < floor,
            Err(Errno::NOSPC | Errno::DQUOT) => true,
            Err(errno) => return Err(folder_error(errno, ErrorContext::Writing)),
        };
        if self.full.swap(full, Ordering::Relaxed) != full {
            tracing::warn!(free_bytes = free, floor_bytes = floor, full, "backend became full or writable again");
        }
        Ok(Space { free_bytes: Some(free), is_short: full, ..Space::default() })
    }
}
