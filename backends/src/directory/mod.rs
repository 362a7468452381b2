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

mod batch;
mod cached;
mod directory_store;
mod errno;
mod listing;
mod mount;
mod paging;
mod publish;
mod reading;
mod retaining;
mod space;
mod sweeping;
mod volume;
mod writer;

#[cfg(test)]
mod tests;

use std::ops::Range;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;

pub(crate) use self::directory_store::DirectoryStore;
use self::errno::{ErrorContext, folder_error, store_error};
pub(crate) use self::writer::DirectoryWriter;
use crate::marker::HEARTBEAT_NAME;
use crate::proving;
use crate::{
    Answer, Challenge, EpochNonce, Pulse, SliverEntry, SliverName, SliverStore, SliverWriter, Space, StoreError,
    VerdictReport,
};

#[async_trait]
impl SliverStore for DirectoryStore {
    async fn create(&self, name: &SliverName) -> Result<Box<dyn SliverWriter>, StoreError> {
        Ok(Box::new(self.create_writer(name).await?))
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

    async fn prove(&self, name: &SliverName, challenge: &Challenge) -> Result<Answer, StoreError> {
        proving::prove_by_reading(self, name, challenge).await
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

    async fn begin_epoch(&self, _epoch: u64, _commitment: [u8; 32]) -> Result<Option<EpochNonce>, StoreError> {
        Ok(None)
    }

    async fn reveal_epoch(&self, _epoch: u64, _secret: [u8; 32]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn report_verdicts(&self, _reports: &[VerdictReport]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn sweep(&self, trash_seconds: u64) -> Result<u64, StoreError> {
        self.run_blocking(move |inner| {
            let volume = inner.mount.verify()?;
            let swept = sweeping::sweep(&volume, trash_seconds);
            swept.map(|swept| swept.files).map_err(|errno| folder_error(errno, ErrorContext::Writing))
        })
        .await
    }
}
