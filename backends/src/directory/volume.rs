//! One directory tree as it was opened: its folders and their handles.
//!
//! Everything goes through handles of the tree whose marker was checked, never through its path: when a disk is
//! unmounted or renamed away, nothing can land in what is then under the path.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::errno::{ErrorContext, folder_error};
use super::publish::{StagedFile, StagingDir};
use crate::marker::{HEARTBEAT_NAME, MARKER_BYTES_MAX, MARKER_NAME, Marker};
use crate::{FAN_OUT, StoreError};

/// The folder of staged files, one folder for each process below it.
pub(super) const STAGING: &str = ".drafts";
/// The folder of trashed slivers.
pub(super) const TRASH: &str = "trash";

/// With fewer open files allowed than this, handles of folders are not kept.
const FILES_FOR_HANDLES: u64 = 8192;

/// Attempts to create the staging folder while a sweeper removes it.
const LOCK_TRIES: u32 = 8;

pub(super) const FOLDER_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const FOLDER_MODE: Mode = Mode::RWXU.union(Mode::RGRP).union(Mode::XGRP);

/// Which directory this is, as the kernel tells: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl From<&Stat> for Identity {
    #[allow(clippy::unnecessary_cast, clippy::cast_lossless, reason = "the widths differ between architectures")]
    fn from(stat: &Stat) -> Self {
        Self { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
    }
}

/// An open directory tree that carries the right marker.
#[derive(Debug)]
pub(super) struct Volume {
    root: OwnedFd,
    identity: Identity,
    folders: Vec<OnceLock<OwnedFd>>,
    staging_dir: OnceLock<Arc<StagingDir>>,
}

impl Volume {
    /// Opens the tree at a path, whatever it carries.
    pub(super) fn open(path: &Path) -> Result<Self, Errno> {
        let root = rustix::fs::open(path, FOLDER_FLAGS, Mode::empty())?;
        let identity = Identity::from(&rustix::fs::fstat(&root)?);
        let may_open = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let kept = if may_open >= FILES_FOR_HANDLES { FAN_OUT } else { 0 };
        let folders = (0..kept).map(|_| OnceLock::new()).collect();
        Ok(Self { root, identity, folders, staging_dir: OnceLock::new() })
    }

    /// Which directory it is.
    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// The root folder.
    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// The name of this process's own folder of temporaries, once there is one.
    pub(super) fn own_staging_dir(&self) -> Option<&str> {
        self.staging_dir.get().map(|staging_dir| staging_dir.name())
    }

    /// Compares the marker on the disk.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] if it is missing, another one, or of an earlier generation.
    pub(super) fn check(&self, marker: &Marker, generation: u64) -> Result<(), StoreError> {
        marker.check(&self.marker()?, generation)
    }

    /// The marker on the disk, as it is.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] if there is none.
    pub(super) fn marker(&self) -> Result<Vec<u8>, StoreError> {
        self.read_small(MARKER_NAME)?.ok_or_else(Marker::missing)
    }

    /// The heartbeat on the disk, if there is one.
    pub(super) fn heartbeat(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_small(HEARTBEAT_NAME)
    }

    fn read_small(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = match rustix::fs::openat(&self.root, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(folder_error(errno, ErrorContext::Reading)),
        };
        let mut found = Vec::new();
        let mut file = std::io::Read::take(std::fs::File::from(file), MARKER_BYTES_MAX);
        std::io::Read::read_to_end(&mut file, &mut found).map_err(StoreError::unavailable)?;
        Ok(Some(found))
    }

    /// Puts a small file beside the slivers, durably, in the place of what has the name.
    pub(super) fn replace_small(&self, name: &str, content: Bytes) -> Result<(), Errno> {
        let staged_file = StagedFile::create(self.staging_dir()?)?;
        staged_file.append(&[content])?;
        staged_file.replace(&self.root, name)
    }

    /// Whether it is empty: a format that a crash interrupted counts as empty.
    pub(super) fn is_empty(&self) -> Result<bool, Errno> {
        for entry in Dir::read_from(&self.root)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if ![b".".as_slice(), b"..", b"lost+found", STAGING.as_bytes()].contains(&name) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes the marker, durably.
    pub(super) fn format(&self, marker: &Marker) -> Result<(), Errno> {
        let staged_file = StagedFile::create(self.staging_dir()?)?;
        staged_file.append(&[marker.encode().into()])?;
        staged_file.publish(&self.root, MARKER_NAME)
    }

    /// Makes all folders that are missing, so that no write has to.
    pub(super) fn make_folders(&self) -> Result<(), Errno> {
        let mut made = self.make_folder(TRASH)?;
        for folder in 0..FAN_OUT {
            made |= self.make_folder(&format!("{folder:02x}"))?;
        }
        if made { rustix::fs::fsync(&self.root) } else { Ok(()) }
    }

    fn make_folder(&self, name: &str) -> Result<bool, Errno> {
        match rustix::fs::mkdirat(&self.root, name, FOLDER_MODE) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Opens a folder below the root by its name.
    pub(super) fn open_folder(&self, name: &str) -> Result<OwnedFd, Errno> {
        rustix::fs::openat(&self.root, name, FOLDER_FLAGS | OFlags::NOFOLLOW, Mode::empty())
    }

    /// The folder of slivers with this number.
    pub(super) fn folder(&self, number: u8) -> Result<Folder<'_>, Errno> {
        let kept = self.folders.get(usize::from(number));
        if let Some(handle) = kept.and_then(OnceLock::get) {
            return Ok(Folder::Kept(handle.as_fd()));
        }
        let opened = self.open_folder(&format!("{number:02x}"))?;
        Ok(match kept {
            Some(slot) => Folder::Kept(slot.get_or_init(|| opened).as_fd()),
            None => Folder::Opened(opened),
        })
    }

    /// The folder of slivers with this number, made durably if it is missing.
    pub(super) fn folder_for_writing(&self, number: u8) -> Result<Folder<'_>, Errno> {
        match self.folder(number) {
            Err(Errno::NOENT) => {
                self.make_folder(&format!("{number:02x}"))?;
                rustix::fs::fsync(&self.root)?;
                self.folder(number)
            }
            done => done,
        }
    }

    /// The trash, made durably if it is missing.
    pub(super) fn trash(&self) -> Result<OwnedFd, Errno> {
        if self.make_folder(TRASH)? {
            rustix::fs::fsync(&self.root)?;
        }
        self.open_folder(TRASH)
    }

    /// The folder of this process's temporaries, made when the first is needed: a full disk must open too.
    pub(super) fn staging_dir(&self) -> Result<&Arc<StagingDir>, Errno> {
        if let Some(staging_dir) = self.staging_dir.get() {
            return Ok(staging_dir);
        }
        // Two first writers may both come here: the loser's folder is unlocked, empty, and swept later.
        let made = self.lock_staging_dir()?;
        Ok(self.staging_dir.get_or_init(|| Arc::new(made)))
    }

    /// Makes a folder for temporaries and locks it, so that other processes see that its owner lives.
    fn lock_staging_dir(&self) -> Result<StagingDir, Errno> {
        self.make_folder(STAGING)?;
        let staged_files = self.open_folder(STAGING)?;
        for _ in 0..LOCK_TRIES {
            let token = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
            rustix::fs::mkdirat(&staged_files, &token, FOLDER_MODE)?;
            let folder = match rustix::fs::openat(&staged_files, &token, FOLDER_FLAGS, Mode::empty()) {
                Err(Errno::NOENT) => continue,
                opened => opened?,
            };
            let locked = rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive);
            // A sweeper may come between making and locking. Where folders cannot be locked at all, sweepers cannot
            // lock them either, and leave them alone.
            let swept = locked == Err(Errno::WOULDBLOCK)
                || rustix::fs::statat(&staged_files, &token, AtFlags::SYMLINK_NOFOLLOW).err() == Some(Errno::NOENT);
            if !swept {
                return Ok(StagingDir::new(token, folder));
            }
        }
        Err(Errno::AGAIN)
    }
}

/// A folder's handle: kept for the next time, or opened for once.
#[derive(Debug)]
pub(super) enum Folder<'a> {
    /// Kept by the volume.
    Kept(BorrowedFd<'a>),
    /// For this use only.
    Opened(OwnedFd),
}

impl AsFd for Folder<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Kept(handle) => *handle,
            Self::Opened(handle) => handle.as_fd(),
        }
    }
}
