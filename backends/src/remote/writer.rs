//! A sliver that is written to an object store piece by piece.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::{MultipartUpload, PutPayload};

use super::failure::store_error;
use super::{Inner, PART_BYTES};
use crate::{SliverName, SliverWriter, StoreError};

/// Collects parts of equal size, as some stores demand, and sends each when it is full: never holds more than one,
/// unless the far end takes whole objects only.
pub(super) struct RemoteWriter {
    inner: Arc<Inner>,
    name: SliverName,
    buffered: Vec<Bytes>,
    buffered_bytes: usize,
    total_bytes: u64,
    upload: Option<Box<dyn MultipartUpload>>,
    lost: bool,
}

impl RemoteWriter {
    /// A writer that has sent nothing yet.
    pub(super) fn new(inner: Arc<Inner>, name: SliverName) -> Self {
        Self { inner, name, buffered: Vec::new(), buffered_bytes: 0, total_bytes: 0, upload: None, lost: false }
    }

    /// Appends bytes, part by part.
    pub(super) async fn append(&mut self, mut bytes: Bytes) -> Result<(), StoreError> {
        // Whatever ends this early, an error or a dropped future, leaves the sliver unusable.
        if std::mem::replace(&mut self.lost, true) {
            return Err(StoreError::damaged("an earlier write of this sliver failed or was given up"));
        }
        self.total_bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let remaining = if self.inner.target.multipart { PART_BYTES - self.buffered_bytes } else { usize::MAX };
            let piece = bytes.split_to(remaining.min(bytes.len()));
            self.buffered_bytes += piece.len();
            self.buffered.push(piece);
            if self.buffered_bytes >= PART_BYTES && self.inner.target.multipart {
                self.send_part().await?;
            }
        }
        self.lost = false;
        Ok(())
    }

    async fn send_part(&mut self) -> Result<(), StoreError> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => none.insert(self.inner.begin_upload(&self.name).await?),
        };
        self.buffered_bytes = 0;
        let part: PutPayload = std::mem::take(&mut self.buffered).into_iter().collect();
        upload.put_part(part).await.map_err(|error| store_error(&error))
    }

    /// Makes the object visible.
    pub(super) async fn finish(mut self) -> Result<(), StoreError> {
        if self.lost {
            return Err(StoreError::damaged("an earlier write of this sliver failed or was given up"));
        }
        if self.upload.is_none() {
            let whole = std::mem::take(&mut self.buffered);
            return self.inner.put_whole(&self.name, whole, self.total_bytes).await;
        }
        if self.buffered_bytes > 0 {
            self.send_part().await?;
        }
        if let Some(upload) = &mut self.upload {
            upload.complete().await.map_err(|error| store_error(&error))?;
            self.upload = None;
        }
        // A store that lost a part is detected here, not when the sliver is needed.
        self.inner.expect_len(&self.name, self.total_bytes).await
    }
}

#[async_trait]
impl SliverWriter for RemoteWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.append(bytes).await
    }

    async fn seal(self: Box<Self>) -> Result<(), StoreError> {
        self.finish().await
    }

    async fn abort(mut self: Box<Self>) {
        if let Some(mut upload) = self.upload.take() {
            // What cannot be aborted is left to the far end's rules for incomplete uploads.
            let _ = upload.abort().await;
        }
    }
}

impl Drop for RemoteWriter {
    fn drop(&mut self) {
        if let (Some(mut upload), Ok(runtime)) = (self.upload.take(), tokio::runtime::Handle::try_current()) {
            drop(runtime.spawn(async move { upload.abort().await }));
        }
    }
}
