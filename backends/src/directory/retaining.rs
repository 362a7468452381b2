//! A directory on behalf of somebody else: what is deleted stays in the trash, whoever asks, and every byte is counted.

use std::os::fd::AsFd;

use rustix::fs::{AtFlags, RenameFlags, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::io::Errno;

use super::directory_store::{DirectoryStore, timespec};
use super::errno::{ErrorContext, folder_error, store_error};
use super::publish::fail_at;
use super::sweeping::{self, Swept, names};
use super::volume::{TRASH, Volume};
use crate::{SliverName, StoreError};

impl DirectoryStore {
    /// Moves a sliver to the trash, durably; gives its length, or none if it was absent. Never removes anything: on a full disk it
    /// may fail, and a sliver of the same name that is in the trash already is not replaced.
    pub(crate) async fn retain(&self, name: &SliverName) -> Result<Option<u64>, StoreError> {
        let name = *name;
        self.run_blocking(move |inner| {
            let volume = inner.mount.volume()?;
            match move_to_trash(&volume, &name) {
                Ok(len) => Ok(Some(len)),
                Err(Errno::NOENT) => Ok(None),
                Err(errno) => Err(store_error(errno, ErrorContext::Writing)),
            }
        })
        .await
    }

    /// Whether a sliver of this name was stored: it is visible, or in the trash.
    pub(crate) async fn was_stored(&self, name: &SliverName) -> Result<bool, StoreError> {
        let name = *name;
        self.run_blocking(move |inner| was_stored(&*inner.mount.volume()?, &name)).await
    }

    /// As [`crate::SliverStore::sweep`], with the bytes it freed.
    pub(crate) async fn sweep_counted(&self, trash_seconds: u64) -> Result<Swept, StoreError> {
        self.run_blocking(move |inner| {
            let volume = inner.mount.verify()?;
            sweeping::sweep(&volume, trash_seconds).map_err(|errno| folder_error(errno, ErrorContext::Writing))
        })
        .await
    }

    /// Adds up the trash.
    pub(crate) async fn trash_bytes(&self) -> Result<u64, StoreError> {
        self.run_blocking(move |inner| {
            let volume = inner.mount.verify()?;
            let count = || {
                let trash = match volume.open_folder(TRASH) {
                    Err(Errno::NOENT) => return Ok(0),
                    trash => trash?,
                };
                let mut bytes = 0;
                for name in names(&trash)? {
                    match rustix::fs::statat(&trash, &name, AtFlags::SYMLINK_NOFOLLOW) {
                        Ok(stat) => bytes += u64::try_from(stat.st_size).unwrap_or_default(),
                        Err(Errno::NOENT) => {}
                        Err(errno) => return Err(errno),
                    }
                }
                Ok(bytes)
            };
            count().map_err(|errno| folder_error(errno, ErrorContext::Reading))
        })
        .await
    }
}

/// Whether a sliver of this name is visible, or in the trash.
pub(super) fn was_stored(volume: &Volume, name: &SliverName) -> Result<bool, StoreError> {
    let visible = || is_there(volume.folder(name.folder())?, name);
    let trashed = || match volume.open_folder(TRASH) {
        Err(Errno::NOENT) => Ok(false),
        trash => is_there(trash?, name),
    };
    let found = visible().and_then(|visible| if visible { Ok(true) } else { trashed() });
    found.map_err(|errno| folder_error(errno, ErrorContext::Reading))
}

fn is_there(folder: impl AsFd, name: &SliverName) -> Result<bool, Errno> {
    match rustix::fs::statat(folder, name.text().as_str(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

fn move_to_trash(volume: &Volume, name: &SliverName) -> Result<u64, Errno> {
    let text = name.text();
    let folder = volume.folder(name.folder())?;
    let trash = volume.trash()?;
    let len = rustix::fs::statat(&folder, text.as_str(), AtFlags::SYMLINK_NOFOLLOW)?.st_size;
    // The age in the trash counts from here; a crash before the renaming changes nothing.
    let now = Timestamps { last_access: timespec(UTIME_OMIT), last_modification: timespec(UTIME_NOW) };
    rustix::fs::utimensat(&folder, text.as_str(), &now, AtFlags::SYMLINK_NOFOLLOW)?;
    fail_at("sliver-delete")?;
    match rustix::fs::renameat_with(&folder, text.as_str(), &trash, text.as_str(), RenameFlags::NOREPLACE) {
        // Some network file systems cannot rename without replacing.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if !is_there(&trash, name)? => {
            rustix::fs::renameat(&folder, text.as_str(), &trash, text.as_str())?;
        }
        renamed => renamed?,
    }
    // The new place before the old one: a power cut may leave it in both, never in neither.
    rustix::fs::fsync(&trash)?;
    rustix::fs::fsync(&folder)?;
    Ok(u64::try_from(len).unwrap_or_default())
}
