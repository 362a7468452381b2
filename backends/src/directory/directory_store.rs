//! The store itself: where it is, what it shares with its clones, and the work that is one step.

use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::io::Errno;
use tokio::sync::Semaphore;

use super::cached::Cached;
use super::errno::{ErrorContext, folder_error, store_error};
use super::mount::Mount;
use super::publish::{StagedFile, fail_at};
use super::space::FreeSpace;
use super::volume::Volume;
use crate::marker::Marker;
use crate::{SliverName, StoreError};

/// Operations of one store on the blocking pool at once: a disk that hangs must not take the threads of the others.
const BLOCKING_MAX: usize = 64;

/// A store in a directory. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct DirectoryStore(pub(super) Arc<Inner>);

/// What the clones of a store share.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) mount: Mount,
    pub(super) free_space: FreeSpace,
    pub(super) cached: Cached,
    blocking_permits: Arc<Semaphore>,
}

impl DirectoryStore {
    /// The store at a path. Looks at nothing yet.
    ///
    /// `free_floor` is the number of free bytes under which writes are refused; by default a twentieth of the disk,
    /// at most 64 MiB.
    pub(crate) fn new(path: PathBuf, marker: Marker, free_floor: Option<u64>) -> Self {
        let blocking_permits = Arc::new(Semaphore::new(BLOCKING_MAX));
        Self(Arc::new(Inner {
            mount: Mount::new(path, marker),
            free_space: FreeSpace::new(free_floor),
            cached: Cached::default(),
            blocking_permits,
        }))
    }

    /// Formats the directory if it is absent or empty.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] if anything else than this backend is in it.
    pub(crate) async fn format(&self) -> Result<(), StoreError> {
        self.run_blocking(|inner| inner.mount.format()).await
    }

    /// Formats the directory, or replaces its marker, for a new generation.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] if anything else than this backend is in it.
    pub(crate) async fn accept(&self, generation: u64) -> Result<(), StoreError> {
        self.run_blocking(move |inner| inner.mount.accept(generation)).await
    }

    /// Checks the marker.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] if it is missing or another one.
    pub(crate) async fn verify(&self) -> Result<(), StoreError> {
        self.run_blocking(|inner| inner.mount.verify().map(drop)).await
    }

    /// Runs blocking work. Once begun it goes on even if nobody waits for it any more.
    pub(super) async fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.0);
        let turn = Arc::clone(&inner.blocking_permits).acquire_owned().await.map_err(StoreError::unavailable)?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&inner);
            drop(turn);
            done
        });
        done.await.unwrap_or_else(|error| Err(StoreError::unavailable(error)))
    }
}

impl Inner {
    /// A staged file, and the volume it is in.
    pub(super) fn staged_file(&self) -> Result<(Arc<Volume>, StagedFile), StoreError> {
        self.free_space.admit()?;
        let volume = self.mount.volume()?;
        let staged_file = volume.staging_dir().and_then(StagedFile::create).map_err(|errno| self.write_error(errno))?;
        Ok((volume, staged_file))
    }

    pub(super) fn publish(
        &self,
        volume: &Volume,
        staged_file: StagedFile,
        name: &SliverName,
    ) -> Result<(), StoreError> {
        let published = volume
            .folder_for_writing(name.folder())
            .and_then(|folder| staged_file.publish(folder, name.text().as_str()));
        published.map_err(|errno| self.write_error(errno))
    }

    /// Translates an error of a write, and records a full disk.
    pub(super) fn write_error(&self, errno: Errno) -> StoreError {
        let error = folder_error(errno, ErrorContext::Writing);
        match error {
            StoreError::Full => self.free_space.ran_out(),
            StoreError::WrongBackend { .. } => self.mount.forget(),
            _ => {}
        }
        error
    }

    pub(super) fn delete(&self, name: &SliverName) -> Result<(), StoreError> {
        let volume = self.mount.volume()?;
        let remove = || {
            let folder = volume.folder(name.folder())?;
            fail_at("sliver-delete")?;
            rustix::fs::unlinkat(&folder, name.text().as_str(), AtFlags::empty())?;
            fail_at("sliver-deleted")?;
            rustix::fs::fsync(&folder)
        };
        absent_is_fine(remove())
    }

    pub(super) fn trash(&self, name: &SliverName) -> Result<(), StoreError> {
        let volume = self.mount.volume()?;
        let text = name.text();
        let rename = || {
            let folder = volume.folder(name.folder())?;
            let trash = volume.trash()?;
            // The age in the trash counts from here; a crash before the renaming changes nothing.
            let now = Timestamps { last_access: timespec(UTIME_OMIT), last_modification: timespec(UTIME_NOW) };
            rustix::fs::utimensat(&folder, text.as_str(), &now, AtFlags::SYMLINK_NOFOLLOW)?;
            rustix::fs::renameat(&folder, text.as_str(), &trash, text.as_str())?;
            // The new place before the old one: a power cut may leave it in both, never in neither.
            rustix::fs::fsync(&trash)?;
            rustix::fs::fsync(&folder)
        };
        match rename() {
            // A full disk has no space for a trash, and needs it.
            Err(Errno::NOSPC | Errno::DQUOT) => self.delete(name),
            done => absent_is_fine(done),
        }
    }
}

pub(super) fn timespec(nanoseconds: i64) -> Timespec {
    Timespec { tv_sec: 0, tv_nsec: nanoseconds as _ }
}

fn absent_is_fine(done: Result<(), Errno>) -> Result<(), StoreError> {
    match done {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(store_error(errno, ErrorContext::Writing)),
    }
}
