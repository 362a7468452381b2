//! Reading a sliver from a directory, with whatever waiting it takes.

use std::ops::Range;
use std::os::fd::OwnedFd;

use bytes::{Bytes, BytesMut};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::directory_store::Inner;
use super::errno::{ErrorContext, store_error};
use crate::{SliverName, StoreError};

/// Reads longer than this look at the file's length before memory is taken for them.
const TRUSTED_READ_BYTES: usize = 1 << 20;

impl Inner {
    /// Opens a sliver for reading.
    pub(super) fn open(&self, name: &SliverName) -> Result<OwnedFd, StoreError> {
        let volume = self.mount.volume()?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let open = || {
            let folder = volume.folder(name.folder())?;
            rustix::fs::openat(folder, name.text().as_str(), flags, Mode::empty())
        };
        match open() {
            // A folder that was put back by hand is another one than the handle leads to: ask by path before it is
            // called lost.
            Err(Errno::NOENT) => {
                let found = rustix::fs::openat(volume.root(), name.path(), flags, Mode::empty());
                if found.is_ok() {
                    self.mount.forget();
                }
                found
            }
            done => done,
        }
        .map_err(|errno| store_error(errno, ErrorContext::Reading))
    }

    /// Reads exactly the range.
    pub(super) fn read(&self, name: &SliverName, range: Range<u64>, mut read: Vec<u8>) -> Result<BytesMut, StoreError> {
        let reading = |errno| store_error(errno, ErrorContext::Reading);
        let ends_early = || StoreError::damaged(format!("it ends before byte {}", range.end));
        let len =
            range.end.checked_sub(range.start).and_then(|len| usize::try_from(len).ok()).ok_or_else(ends_early)?;
        let file = self.open(name)?;
        if len == 0 || len > TRUSTED_READ_BYTES {
            let size = rustix::fs::fstat(&file).map_err(reading)?.st_size;
            if u64::try_from(size).is_ok_and(|size| size < range.end) {
                return Err(ends_early());
            }
        }
        read.reserve_exact(len);
        while read.len() < len {
            // A vector may hold more than was asked for: the last piece is cut below.
            let at = range.start + read.len() as u64;
            match rustix::io::pread(&file, rustix::buffer::spare_capacity(&mut read), at) {
                Ok(0) => return Err(ends_early()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(reading(errno)),
            }
        }
        read.truncate(len);
        // By way of Bytes, which takes the vector over: BytesMut alone would copy it.
        Ok(BytesMut::from(Bytes::from(read)))
    }
}

/// A buffer for a range, where its length can be trusted.
///
/// Made by the task that asks and not by the thread that waits for the disk: the allocator keeps what a thread once
/// had for that thread, and there are many of those.
pub(super) fn buffer(range: &Range<u64>) -> Vec<u8> {
    let len = range.end.checked_sub(range.start).and_then(|len| usize::try_from(len).ok());
    Vec::with_capacity(len.filter(|len| *len <= TRUSTED_READ_BYTES).unwrap_or(0))
}
