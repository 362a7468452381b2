//! The one durable publish: temporary file, write, fsync, rename, fsync of the directory.
//!
//! Each step answers a measured loss. Without the first fsync a power cut leaves an empty file under the final name;
//! without the second it takes the name back. A failed fsync is never repeated: the kernel may have marked the lost
//! pages clean, and a second call would then succeed on nothing.

use std::fs::File;
use std::io::IoSlice;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use rustix::path::DecInt;

use crate::failpoint::fails_at;

/// Slices that one system call takes.
const SLICES_MAX: usize = 1024;

/// The staging folder of one process, locked while the process lives.
#[derive(Debug)]
pub(super) struct StagingDir {
    name: String,
    folder: OwnedFd,
    next: AtomicU64,
}

impl StagingDir {
    /// Uses an open folder that nobody else writes to.
    pub(super) fn new(name: String, folder: OwnedFd) -> Self {
        Self { name, folder, next: AtomicU64::new(0) }
    }

    /// The name of the folder.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// A staged file. Dropped unpublished, it is removed.
#[derive(Debug)]
pub(super) struct StagedFile {
    staging_dir: Arc<StagingDir>,
    number: u64,
    file: Arc<File>,
    renamed: bool,
}

impl StagedFile {
    /// Makes an empty temporary.
    pub(super) fn create(staging_dir: &Arc<StagingDir>) -> Result<Self, Errno> {
        let number = staging_dir.next.fetch_add(1, Ordering::Relaxed);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP;
        let file = rustix::fs::openat(&staging_dir.folder, DecInt::new(number), flags, mode)?;
        Ok(Self { staging_dir: Arc::clone(staging_dir), number, file: Arc::new(File::from(file)), renamed: false })
    }

    /// The open file, to start its write-back early.
    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Appends the parts.
    pub(super) fn append(&self, parts: &[Bytes]) -> Result<(), Errno> {
        if let [one] = parts {
            return self.append_slices(&mut [IoSlice::new(one)]);
        }
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        self.append_slices(&mut slices)
    }

    /// Reads exactly this range of what was appended.
    pub(super) fn read_back(&self, range: Range<u64>) -> Result<Vec<u8>, Errno> {
        let len = range.end.checked_sub(range.start).and_then(|len| usize::try_from(len).ok()).ok_or(Errno::INVAL)?;
        let mut read = Vec::with_capacity(len);
        while read.len() < len {
            let at = range.start + read.len() as u64;
            match rustix::io::pread(&*self.file, rustix::buffer::spare_capacity(&mut read), at) {
                Ok(0) => return Err(Errno::IO),
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        read.truncate(len);
        Ok(read)
    }

    fn append_slices(&self, mut left: &mut [IoSlice<'_>]) -> Result<(), Errno> {
        fail_at("sliver-write")?;
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            let batch = &left[..left.len().min(SLICES_MAX)];
            match rustix::io::writev(&*self.file, batch) {
                // A device that takes nothing and reports nothing is broken.
                Ok(0) => return Err(Errno::IO),
                Ok(written) => IoSlice::advance_slices(&mut left, written),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Makes the content durable, gives the file its name in `folder`, and makes that durable too.
    ///
    /// # Errors
    /// `EXIST` if the name is taken. After any other error the file may or may not carry its name, and must not be
    /// counted on.
    pub(super) fn publish(mut self, folder: impl AsFd, name: &str) -> Result<(), Errno> {
        fail_at("sliver-sync")?;
        rustix::fs::fsync(&*self.file)?;
        fail_at("sliver-rename")?;
        self.rename(folder.as_fd(), name)?;
        self.renamed = true;
        fail_at("sliver-sync-folder")?;
        rustix::fs::fsync(folder)?;
        fail_at("sliver-published")
    }

    /// Gives the file its name in `folder`. Durable only if its content was synced before, and `folder` is after.
    ///
    /// # Errors
    /// As [`StagedFile::publish`].
    pub(super) fn rename_unsynced(mut self, folder: impl AsFd, name: &str) -> Result<(), Errno> {
        fail_at("sliver-rename")?;
        self.rename(folder.as_fd(), name)?;
        self.renamed = true;
        Ok(())
    }

    /// As [`StagedFile::publish`], in the place of what has the name: whoever looks sees the old file or the new one, whole.
    pub(super) fn replace(mut self, folder: impl AsFd, name: &str) -> Result<(), Errno> {
        fail_at("small-sync")?;
        rustix::fs::fsync(&*self.file)?;
        fail_at("small-rename")?;
        rustix::fs::renameat(&self.staging_dir.folder, DecInt::new(self.number), folder.as_fd(), name)?;
        self.renamed = true;
        fail_at("small-sync-folder")?;
        rustix::fs::fsync(folder)
    }

    fn rename(&self, folder: rustix::fd::BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
        let from = DecInt::new(self.number);
        let staging_dir = &self.staging_dir.folder;
        match rustix::fs::renameat_with(staging_dir, from, folder, name, RenameFlags::NOREPLACE) {
            // Some network file systems cannot rename without replacing. Names are never used twice, so a look first
            // is a check of our own discipline and need not be atomic.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(_) => Err(Errno::EXIST),
                    Err(Errno::NOENT) => rustix::fs::renameat(staging_dir, DecInt::new(self.number), folder, name),
                    Err(errno) => Err(errno),
                }
            }
            done => done,
        }
    }
}

/// Where a test may end the process, or let a step fail.
pub(super) fn fail_at(point: &'static str) -> Result<(), Errno> {
    if fails_at(point) { Err(Errno::IO) } else { Ok(()) }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.renamed {
            // Best effort: what stays is swept once this process is gone.
            let _ = rustix::fs::unlinkat(&self.staging_dir.folder, DecInt::new(self.number), AtFlags::empty());
        }
    }
}
