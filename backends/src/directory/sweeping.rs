//! Removes staged files of dead processes, and old trash.

use std::ffi::CString;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::io::Errno;

use super::directory_store::timespec;
use super::volume::{FOLDER_FLAGS, STAGING, TRASH, Volume};

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    /// Files, of the trash and staged ones.
    pub(crate) files: u64,
    /// Bytes of those that were in the trash.
    pub(crate) trash_bytes: u64,
}

/// Removes temporaries of processes that are gone and trash of that age or older.
pub(super) fn sweep(volume: &Volume, trash_seconds: u64) -> Result<Swept, Errno> {
    let staged = sweep_staging(volume)?;
    let trash = sweep_trash(volume, trash_seconds)?;
    Ok(Swept { files: staged + trash.files, ..trash })
}

fn sweep_staging(volume: &Volume) -> Result<u64, Errno> {
    let staged_files = match volume.open_folder(STAGING) {
        Err(Errno::NOENT) => return Ok(0),
        opened => opened?,
    };
    let mut removed = 0;
    for process in names(&staged_files)? {
        if volume.own_staging_dir().is_some_and(|own| own.as_bytes() == process.as_bytes()) {
            continue;
        }
        let folder = match rustix::fs::openat(&staged_files, &process, FOLDER_FLAGS, Mode::empty()) {
            Err(Errno::NOENT | Errno::NOTDIR) => continue,
            opened => opened?,
        };
        // Its owner holds the lock while it lives. Unable to tell means keep.
        if rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        for staged_file in names(&folder)? {
            removed += remove(&folder, &staged_file)?;
        }
        match rustix::fs::unlinkat(&staged_files, &process, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(removed)
}

fn sweep_trash(volume: &Volume, trash_seconds: u64) -> Result<Swept, Errno> {
    let trash = match volume.open_folder(TRASH) {
        Err(Errno::NOENT) => return Ok(Swept::default()),
        opened => opened?,
    };
    // Both ends of an age come from the file system's clock, which on a network is not ours.
    let now = Timestamps { last_access: timespec(UTIME_OMIT), last_modification: timespec(UTIME_NOW) };
    rustix::fs::futimens(&trash, &now)?;
    let now = rustix::fs::fstat(&trash)?.st_mtime;
    let mut removed = Swept::default();
    for name in names(&trash)? {
        let stat = match rustix::fs::statat(&trash, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            stat => stat?,
        };
        // A time from the future is the youngest age there is.
        let age = u64::try_from(now.saturating_sub(stat.st_mtime)).unwrap_or_default();
        if age >= trash_seconds {
            let files = remove(&trash, &name)?;
            removed.files += files;
            removed.trash_bytes += files * u64::try_from(stat.st_size).unwrap_or_default();
        }
    }
    if removed.files > 0 {
        rustix::fs::fsync(&trash)?;
    }
    Ok(removed)
}

fn remove(folder: impl AsFd, name: &CString) -> Result<u64, Errno> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) => Ok(1),
        Err(Errno::NOENT | Errno::ISDIR) => Ok(0),
        Err(errno) => Err(errno),
    }
}

/// The entries of a folder. All at once: removing while reading may skip some.
pub(super) fn names(folder: impl AsFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.as_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}
