//! A sliver that is written to a directory piece by piece.

use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use rustix::io::Errno;
use tokio::task::JoinHandle;

use super::DirectoryStore;
use super::publish::Draft;
use super::volume::Volume;
use crate::{SliverName, SliverWriter, StoreError};

/// After so many bytes their write-back begins, so that sealing has little left to wait for.
const WRITE_BACK_BYTES: usize = 4 << 20;

struct DirectoryWriter {
    store: DirectoryStore,
    name: SliverName,
    volume: Arc<Volume>,
    draft: Option<Draft>,
    unsynced: usize,
    write_back: Option<JoinHandle<Result<(), Errno>>>,
}

/// A writer for a draft that was made in a volume.
pub(super) fn boxed(
    store: DirectoryStore,
    name: SliverName,
    (volume, draft): (Arc<Volume>, Draft),
) -> Box<dyn SliverWriter> {
    Box::new(DirectoryWriter { store, name, volume, draft: Some(draft), unsynced: 0, write_back: None })
}

#[async_trait]
impl SliverWriter for DirectoryWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.write_parts(vec![bytes]).await
    }

    async fn write_parts(&mut self, parts: Vec<Bytes>) -> Result<(), StoreError> {
        // Without its draft, a writer failed before or its last write was cancelled: the sliver is lost.
        let draft = self.draft.take().ok_or_else(lost)?;
        let len: usize = parts.iter().map(Bytes::len).sum();
        let draft = self
            .store
            .hop(move |inner| match draft.append(&parts) {
                Ok(()) => Ok(draft),
                Err(errno) => Err(inner.write_error(errno)),
            })
            .await?;
        self.unsynced += len;
        if self.unsynced >= WRITE_BACK_BYTES {
            self.unsynced = 0;
            self.begin_write_back(Arc::clone(draft.file())).await?;
        }
        self.draft = Some(draft);
        Ok(())
    }

    async fn seal(mut self: Box<Self>) -> Result<(), StoreError> {
        let draft = self.draft.take().ok_or_else(lost)?;
        self.finish_write_back().await?;
        let (volume, name) = (Arc::clone(&self.volume), self.name);
        self.store
            .hop(move |inner| {
                if !Arc::ptr_eq(&volume, &inner.mount.volume()?) {
                    return Err(StoreError::unavailable("its directory was exchanged while the sliver was written"));
                }
                inner.publish(&volume, draft, &name)
            })
            .await
    }

    async fn abort(mut self: Box<Self>) {
        if let Some(draft) = self.draft.take() {
            let removed = self.store.hop(move |_| {
                drop(draft);
                Ok(())
            });
            let _ = removed.await;
        }
    }
}

impl DirectoryWriter {
    /// Syncs in the background, one sync at a time.
    ///
    /// The kernel reports a lost page once for an open file: an error here would not come up again at the end, so it
    /// is kept until somebody asks.
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
        if let (Some(draft), Ok(runtime)) = (self.draft.take(), tokio::runtime::Handle::try_current()) {
            drop(runtime.spawn_blocking(move || drop(draft)));
        }
    }
}

fn lost() -> StoreError {
    StoreError::damaged("an earlier write of this sliver failed or was given up")
}
