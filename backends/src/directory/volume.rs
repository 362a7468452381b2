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

use super::errno::{Doing, folder_error};
use super::publish::{Draft, Nursery};
use crate::marker::{HEARTBEAT_NAME, MARKER_BYTES_MAX, MARKER_NAME, Marker};
use crate::{FAN_OUT, StoreError};

/// The folder of the temporaries, one folder for each process below it.
pub(super) const DRAFTS: &str = ".drafts";
/// The folder of what was taken out of sight.
pub(super) const TRASH: &str = "trash";

/// With fewer open files allowed than this, handles of folders are not kept.
const FILES_FOR_HANDLES: u64 = 8192;

/// How often a sweeper may snatch away the folder of temporaries that is being made.
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
    nursery: OnceLock<Arc<Nursery>>,
}

impl Volume {
    /// Opens the tree at a path, whatever it carries.
    pub(super) fn open(path: &Path) -> Result<Self, Errno> {
        let root = rustix::fs::open(path, FOLDER_FLAGS, Mode::empty())?;
        let identity = Identity::from(&rustix::fs::fstat(&root)?);
        let may_open = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let kept = if may_open >= FILES_FOR_HANDLES { FAN_OUT } else { 0 };
        let folders = (0..kept).map(|_| OnceLock::new()).collect();
        Ok(Self { root, identity, folders, nursery: OnceLock::new() })
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
    pub(super) fn own_drafts(&self) -> Option<&str> {
        self.nursery.get().map(|nursery| nursery.name())
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
            Err(errno) => return Err(folder_error(errno, Doing::Reading)),
        };
        let mut found = Vec::new();
        let mut file = std::io::Read::take(std::fs::File::from(file), MARKER_BYTES_MAX);
        std::io::Read::read_to_end(&mut file, &mut found).map_err(StoreError::unavailable)?;
        Ok(Some(found))
    }

    /// Puts a small file beside the slivers, durably, in the place of what has the name.
    pub(super) fn replace_small(&self, name: &str, content: Bytes) -> Result<(), Errno> {
        let draft = Draft::create(self.nursery()?)?;
        draft.append(&[content])?;
        draft.replace(&self.root, name)
    }

    /// Whether nothing of anybody's is in there: a format that a crash cut short counts as nothing.
    pub(super) fn is_empty(&self) -> Result<bool, Errno> {
        for entry in Dir::read_from(&self.root)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if ![b".".as_slice(), b"..", b"lost+found", DRAFTS.as_bytes()].contains(&name) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes the marker, durably.
    pub(super) fn format(&self, marker: &Marker) -> Result<(), Errno> {
        let draft = Draft::create(self.nursery()?)?;
        draft.append(&[marker.encode().into()])?;
        draft.publish(&self.root, MARKER_NAME)
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
    pub(super) fn nursery(&self) -> Result<&Arc<Nursery>, Errno> {
        if let Some(nursery) = self.nursery.get() {
            return Ok(nursery);
        }
        // Two first writers may both come here: the loser's folder is unlocked, empty, and swept later.
        let made = self.lock_drafts()?;
        Ok(self.nursery.get_or_init(|| Arc::new(made)))
    }

    /// Makes a folder for temporaries and locks it, so that other processes see that its owner lives.
    fn lock_drafts(&self) -> Result<Nursery, Errno> {
        self.make_folder(DRAFTS)?;
        let drafts = self.open_folder(DRAFTS)?;
        for _ in 0..LOCK_TRIES {
            let token = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
            rustix::fs::mkdirat(&drafts, &token, FOLDER_MODE)?;
            let folder = match rustix::fs::openat(&drafts, &token, FOLDER_FLAGS, Mode::empty()) {
                Err(Errno::NOENT) => continue,
                opened => opened?,
            };
            let locked = rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive);
            // A sweeper may come between making and locking. Where folders cannot be locked at all, sweepers cannot
            // lock them either, and leave them alone.
            let swept = locked == Err(Errno::WOULDBLOCK)
                || rustix::fs::statat(&drafts, &token, AtFlags::SYMLINK_NOFOLLOW).err() == Some(Errno::NOENT);
            if !swept {
                return Ok(Nursery::new(token, folder));
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
