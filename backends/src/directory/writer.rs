//! A sliver that is written to a directory piece by piece.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use rustix::io::Errno;
use tokio::task::JoinHandle;

use super::directory_store::DirectoryStore;
use super::errno::{ErrorContext, store_error};
use super::publish::StagedFile;
use super::volume::Volume;
use crate::{SliverName, SliverWriter, StoreError};

/// After so many bytes their write-back begins, so that sealing has little left to wait for.
const WRITE_BACK_BYTES: usize = 4 << 20;

/// A sliver on its way into a directory.
pub(crate) struct DirectoryWriter {
    store: DirectoryStore,
    name: SliverName,
    volume: Arc<Volume>,
    staged_file: Option<StagedFile>,
    unsynced: usize,
    write_back: Option<JoinHandle<Result<(), Errno>>>,
}

impl DirectoryStore {
    /// Begins a sliver.
    pub(crate) async fn create_writer(&self, name: &SliverName) -> Result<DirectoryWriter, StoreError> {
        let name = *name;
        let store = self.clone();
        self.run_blocking(move |inner| {
            let (volume, staged_file) = inner.staged_file()?;
            Ok(DirectoryWriter { store, name, volume, staged_file: Some(staged_file), unsynced: 0, write_back: None })
        })
        .await
    }
}

#[async_trait]
impl SliverWriter for DirectoryWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.write_parts(vec![bytes]).await
    }

    async fn write_parts(&mut self, parts: Vec<Bytes>) -> Result<(), StoreError> {
        // Without its draft, a writer failed before or its last write was cancelled: the sliver is lost.
        let staged_file = self.staged_file.take().ok_or_else(lost)?;
        let len: usize = parts.iter().map(Bytes::len).sum();
        let staged_file = self
            .store
            .run_blocking(move |inner| match staged_file.append(&parts) {
                Ok(()) => Ok(staged_file),
                Err(errno) => Err(inner.write_error(errno)),
            })
            .await?;
        self.unsynced += len;
        if self.unsynced >= WRITE_BACK_BYTES {
            self.unsynced = 0;
            self.begin_write_back(Arc::clone(staged_file.file())).await?;
        }
        self.staged_file = Some(staged_file);
        Ok(())
    }

    async fn seal(mut self: Box<Self>) -> Result<(), StoreError> {
        let staged_file = self.staged_file.take().ok_or_else(lost)?;
        self.finish_write_back().await?;
        let (volume, name) = (Arc::clone(&self.volume), self.name);
        self.store
            .run_blocking(move |inner| {
                if !Arc::ptr_eq(&volume, &inner.mount.volume()?) {
                    return Err(StoreError::unavailable(
                        "the backend's directory was replaced while the sliver was written",
                    ));
                }
                inner.publish(&volume, staged_file, &name)
            })
            .await
    }

    async fn abort(mut self: Box<Self>) {
        if let Some(staged_file) = self.staged_file.take() {
            let removed = self.store.run_blocking(move |_| {
                drop(staged_file);
                Ok(())
            });
            let _ = removed.await;
        }
    }
}

impl DirectoryWriter {
    /// Looks at what was written so far: `look` reads ranges of it, on a thread that may wait.
    ///
    /// # Errors
    /// What `look` fails with. The sliver is lost then.
    pub(crate) async fn look_back<T, E>(
        &mut self,
        look: impl FnOnce(&mut dyn FnMut(Range<u64>) -> Result<Vec<u8>, StoreError>) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, StoreError>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let staged_file = self.staged_file.take().ok_or_else(lost)?;
        let (staged_file, seen) = self
            .store
            .run_blocking(move |_| {
                let reading = |errno| store_error(errno, ErrorContext::Reading);
                let seen = look(&mut |range| staged_file.read_back(range).map_err(reading));
                Ok((staged_file, seen))
            })
            .await?;
        self.staged_file = Some(staged_file);
        Ok(seen)
    }

    /// Syncs in the background, one sync at a time.
    ///
    /// The kernel reports a lost page once for an open file: an error here would not come up again at the end, so it
    /// is kept until the next call.
    async fn begin_write_back(&mut self, file: Arc<File>) -> Result<(), StoreError> {
        self.finish_write_back().await?;
        self.write_back = Some(tokio::task::spawn_blocking(move || rustix::fs::fdatasync(&*file)));
        Ok(())
    }

    async fn finish_write_back(&mut self) -> Result<(), StoreError> {
        let Some(write_back) = self.write_back.take() else { return Ok(()) };
        let synced = write_back.await.map_err(StoreError::unavailable)?;
        synced.map_err(|errno| self.store.0.write_error(errno))
    }
}

impl Drop for DirectoryWriter {
    fn drop(&mut self) {
        // Removing a large file takes time: not on a thread that serves others.
        if let (Some(staged_file), Ok(runtime)) = (self.staged_file.take(), tokio::runtime::Handle::try_current()) {
            drop(runtime.spawn_blocking(move || drop(staged_file)));
        }
    }
}

fn lost() -> StoreError {
    StoreError::damaged("an earlier write of this sliver failed or was cancelled")
}
