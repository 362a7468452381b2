//! Slivers in a directory of a local or mounted file system.
//!
//! ```text
//! haulout-backend.json      the format marker, written first
//! haulout-heartbeat.json    the last heartbeat, replaced again and again
//! 00/ .. ff/<sliver name>   the slivers, spread by a random byte of the blob id
//! trash/<sliver name>       trashed slivers, their age counted from the modification time
//! .drafts/<process>/<n>     staged files; the folder is locked while its process lives
//! ```
//!
//! Every operation is one hop to the blocking pool: look at the path (is it still the checked tree?), do the work
//! through handles, return. Only small reads of what is in memory need no hop.

mod cached;
mod errno;
mod listing;
mod mount;
mod publish;
mod reading;
mod space;
mod sweeping;
mod volume;
mod writer;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::io::Errno;
use tokio::sync::Semaphore;

use self::cached::Cached;
use self::errno::{ErrorContext, folder_error, store_error};
use self::mount::Mount;
use self::publish::StagedFile;
use self::space::FreeSpace;
use self::volume::Volume;
use crate::marker::{HEARTBEAT_NAME, Marker};
use crate::{Pulse, SliverEntry, SliverName, SliverStore, SliverWriter, Space, StoreError};

/// Operations of one store on the blocking pool at once: a disk that hangs must not take the threads of the others.
const BLOCKING_MAX: usize = 64;

/// A store in a directory. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct DirectoryStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    mount: Mount,
    free_space: FreeSpace,
    cached: Cached,
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
    async fn run_blocking<T: Send + 'static>(
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

#[async_trait]
impl SliverStore for DirectoryStore {
    async fn create(&self, name: &SliverName) -> Result<Box<dyn SliverWriter>, StoreError> {
        let name = *name;
        let store = self.clone();
        self.run_blocking(move |inner| Ok(writer::boxed(store, name, inner.staged_file()?))).await
    }

    async fn put(&self, name: &SliverName, parts: Vec<Bytes>) -> Result<(), StoreError> {
        let name = *name;
        self.run_blocking(move |inner| {
            let (volume, staged_file) = inner.staged_file()?;
            staged_file.append(&parts).map_err(|errno| inner.write_error(errno))?;
            inner.publish(&volume, staged_file, &name)
        })
        .await
    }

    async fn read(&self, name: &SliverName, range: Range<u64>) -> Result<BytesMut, StoreError> {
        if let Some(read) = self.0.cached.read(&self.0.mount, name, &range) {
            return Ok(read);
        }
        let name = *name;
        let buffer = reading::buffer(&range);
        self.run_blocking(move |inner| inner.read(&name, range, buffer)).await
    }

    async fn len(&self, name: &SliverName) -> Result<u64, StoreError> {
        let name = *name;
        self.run_blocking(move |inner| {
            let file = inner.open(&name)?;
            let stat = rustix::fs::fstat(file).map_err(|errno| store_error(errno, ErrorContext::Reading))?;
            u64::try_from(stat.st_size).map_err(StoreError::damaged)
        })
        .await
    }

    async fn delete(&self, name: &SliverName) -> Result<(), StoreError> {
        let name = *name;
        self.run_blocking(move |inner| inner.delete(&name)).await
    }

    async fn trash(&self, name: &SliverName) -> Result<(), StoreError> {
        let name = *name;
        self.run_blocking(move |inner| inner.trash(&name)).await
    }

    fn list(&self) -> BoxStream<'_, Result<SliverEntry, StoreError>> {
        listing::stream(self)
    }

    async fn probe(&self) -> Result<Space, StoreError> {
        self.run_blocking(|inner| {
            let volume = inner.mount.verify()?;
            inner.free_space.probe(&volume)
        })
        .await
    }

    async fn pulse(&self) -> Result<Pulse, StoreError> {
        self.run_blocking(|inner| inner.mount.pulse()).await
    }

    async fn beat(&self, heartbeat: Bytes) -> Result<(), StoreError> {
        self.run_blocking(move |inner| {
            let volume = inner.mount.verify()?;
            volume.replace_small(HEARTBEAT_NAME, heartbeat).map_err(|errno| inner.write_error(errno))
        })
        .await
    }

    fn require_generation(&self, generation: u64) {
        self.0.mount.require_generation(generation);
    }

    async fn sweep(&self, trash_seconds: u64) -> Result<u64, StoreError> {
        self.run_blocking(move |inner| {
            let volume = inner.mount.verify()?;
            sweeping::sweep(&volume, trash_seconds).map_err(|errno| folder_error(errno, ErrorContext::Writing))
        })
        .await
    }
}

impl Inner {
    /// A staged file, and the volume it is in.
    fn staged_file(&self) -> Result<(Arc<Volume>, StagedFile), StoreError> {
        self.free_space.admit()?;
        let volume = self.mount.volume()?;
        let staged_file = volume.staging_dir().and_then(StagedFile::create).map_err(|errno| self.write_error(errno))?;
        Ok((volume, staged_file))
    }

    fn publish(&self, volume: &Volume, staged_file: StagedFile, name: &SliverName) -> Result<(), StoreError> {
        let published = volume
            .folder_for_writing(name.folder())
            .and_then(|folder| staged_file.publish(folder, name.text().as_str()));
        published.map_err(|errno| self.write_error(errno))
    }

    /// Translates an error of a write, and records a full disk.
    fn write_error(&self, errno: Errno) -> StoreError {
        let error = folder_error(errno, ErrorContext::Writing);
        match error {
            StoreError::Full => self.free_space.ran_out(),
            StoreError::WrongBackend { .. } => self.mount.forget(),
            _ => {}
        }
        error
    }

    fn delete(&self, name: &SliverName) -> Result<(), StoreError> {
        let volume = self.mount.volume()?;
        let remove = || {
            let folder = volume.folder(name.folder())?;
            rustix::fs::unlinkat(&folder, name.text().as_str(), AtFlags::empty())?;
            rustix::fs::fsync(&folder)
        };
        absent_is_fine(remove())
    }

    fn trash(&self, name: &SliverName) -> Result<(), StoreError> {
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

fn timespec(nanoseconds: i64) -> Timespec {
    Timespec { tv_sec: 0, tv_nsec: nanoseconds as _ }
}

fn absent_is_fine(done: Result<(), Errno>) -> Result<(), StoreError> {
    match done {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(store_error(errno, ErrorContext::Writing)),
    }
}
