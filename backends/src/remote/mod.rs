//! Slivers in a remote object store: S3, Google Cloud Storage, Azure, WebDAV, or memory.
//!
//! Objects are named `<prefix>/<2 hex>/<sliver name>`, with the format marker at `<prefix>/haulout-backend.json` and the
//! last heartbeat at `<prefix>/haulout-heartbeat.json`.
//! No attributes, tags or conditions are used but "create only", so that the simplest store will do. Parts of
//! uploads whose writer died stay until the store's own rule for incomplete uploads removes them: set one.

mod failure;
mod target;
mod writer;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};

use self::failure::store_error;
use self::target::Target;
use self::writer::RemoteWriter;
use crate::marker::{FIRST_GENERATION, HEARTBEAT_NAME, MARKER_BYTES_MAX, MARKER_NAME, Marker};
use crate::proving;
use crate::{
    Answer, BackendSpec, Challenge, EpochNonce, Pulse, SliverEntry, SliverName, SliverStore, SliverWriter, Space,
    StoreError, VerdictReport,
};

/// Slivers up to this length are stored by one request.
const SINGLE_PUT_BYTES: u64 = 8 << 20;
/// The size of a part: the least that S3 allows.
const PART_BYTES: usize = 5 << 20;
/// How long a marker that was read is believed.
const MARKER_TTL: Duration = Duration::from_secs(60);

/// A store behind `object_store`. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct RemoteStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    target: Target,
    marker: Marker,
    /// Markers of earlier generations are refused.
    generation: AtomicU64,
    checked: Mutex<Option<Instant>>,
    checking: tokio::sync::Mutex<()>,
}

impl RemoteStore {
    /// The store at the URL of a backend. Makes no request yet.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`] for a URL or an option that is not known.
    pub(crate) fn new(spec: &BackendSpec, marker: Marker) -> Result<Self, StoreError> {
        let target = Target::new(spec)?;
        Ok(Self(Arc::new(Inner {
            target,
            marker,
            generation: AtomicU64::new(FIRST_GENERATION),
            checked: Mutex::new(None),
            checking: tokio::sync::Mutex::new(()),
        })))
    }

    /// The bytes of the marker, whatever it says.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn marker(&self) -> Result<Option<Bytes>, StoreError> {
        self.0.small_object(MARKER_NAME).await
    }

    /// Writes the marker if nothing is below the prefix; leaves it as it is if it already is this backend.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] if anything else is there.
    pub(crate) async fn format(&self) -> Result<(), StoreError> {
        let inner = &self.0;
        match inner.verify().await {
            Err(StoreError::WrongBackend { .. }) if inner.is_empty().await? => {
                let bytes = Bytes::from(inner.marker.encode());
                let len = bytes.len() as u64;
                match inner.put_object(&inner.path(MARKER_NAME), vec![bytes], len).await {
                    // Another gateway formatted it concurrently: check whose marker it is.
                    Ok(()) | Err(StoreError::AlreadyExists) => inner.verify().await,
                    Err(error) => Err(error),
                }
            }
            done => done,
        }
    }

    /// Writes the marker of a new generation, if nothing is below the prefix or this backend is.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] if anything else is there.
    pub(crate) async fn accept(&self, generation: u64) -> Result<(), StoreError> {
        let inner = &self.0;
        match inner.small_object(MARKER_NAME).await? {
            Some(found) => drop(inner.marker.generation_of(&found)?),
            None if inner.is_empty().await? => {}
            None => return Err(Marker::missing()),
        }
        let marker = inner.marker.clone().of_generation(generation);
        inner.replace_small(MARKER_NAME, marker.encode().into()).await?;
        inner.verify().await
    }

    /// Checks the marker.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] if it is missing or another one.
    pub(crate) async fn verify(&self) -> Result<(), StoreError> {
        self.0.verify().await
    }
}

impl Inner {
    fn path(&self, below: &str) -> Path {
        // A prefix is kept as it is, and what is below it is made of hex digits, dots and one slash.
        self.target.prefix.parts().chain(Path::from(below).parts()).collect()
    }

    fn sliver(&self, name: &SliverName) -> Path {
        self.path(&name.path())
    }

    /// The marker was seen lately, or is looked at now.
    async fn ready(&self) -> Result<(), StoreError> {
        let fresh = || {
            let checked = *self.checked.lock().unwrap_or_else(PoisonError::into_inner);
            checked.is_some_and(|checked| checked.elapsed() < MARKER_TTL)
        };
        if fresh() {
            return Ok(());
        }
        let _one_at_a_time = self.checking.lock().await;
        if fresh() { Ok(()) } else { self.verify().await }
    }

    async fn verify(&self) -> Result<(), StoreError> {
        let remember = |seen| *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        remember(None);
        let found = self.small_object(MARKER_NAME).await?.ok_or_else(Marker::missing)?;
        self.marker.check(&found, self.generation.load(Ordering::SeqCst))?;
        remember(Some(Instant::now()));
        Ok(())
    }

    /// The marker or the heartbeat, if there is one.
    async fn small_object(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        match self.target.store.get(&self.path(name)).await {
            Ok(found) if found.meta.size > MARKER_BYTES_MAX => {
                Err(StoreError::wrong(format!("its {name} has {} bytes", found.meta.size)))
            }
            Ok(found) => found.bytes().await.map(Some).map_err(|error| store_error(&error)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(store_error(&error)),
        }
    }

    /// Puts a small object in the place of what has the name.
    async fn replace_small(&self, name: &str, content: Bytes) -> Result<(), StoreError> {
        let put = self.target.store.put(&self.path(name), PutPayload::from(content)).await;
        put.map(drop).map_err(|error| store_error(&error))
    }

    async fn is_empty(&self) -> Result<bool, StoreError> {
        let first = self.target.store.list(Some(&self.target.prefix)).next().await;
        first.transpose().map(|first| first.is_none()).map_err(|error| store_error(&error))
    }

    async fn put_whole(&self, name: &SliverName, parts: Vec<Bytes>, len: u64) -> Result<(), StoreError> {
        self.ready().await?;
        self.put_object(&self.sliver(name), parts, len).await
    }

    async fn put_object(&self, path: &Path, parts: Vec<Bytes>, len: u64) -> Result<(), StoreError> {
        let payload: PutPayload = parts.into_iter().collect();
        if self.target.creates {
            let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            return self
                .target
                .store
                .put_opts(path, payload, create)
                .await
                .map(drop)
                .map_err(|error| store_error(&error));
        }
        // Without "create only", a look first keeps our own discipline; a look afterwards catches a server that
        // kept half of a broken upload.
        match self.target.store.head(path).await {
            Ok(_) => return Err(StoreError::AlreadyExists),
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(store_error(&error)),
        }
        self.target.store.put(path, payload).await.map_err(|error| store_error(&error))?;
        self.expect_object_len(path, len).await
    }

    async fn begin_upload(&self, name: &SliverName) -> Result<Box<dyn MultipartUpload>, StoreError> {
        self.ready().await?;
        let path = self.sliver(name);
        // Completing an upload replaces what has the name: look first.
        match self.target.store.head(&path).await {
            Ok(_) => return Err(StoreError::AlreadyExists),
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(store_error(&error)),
        }
        self.target.store.put_multipart(&path).await.map_err(|error| store_error(&error))
    }

    async fn expect_len(&self, name: &SliverName, len: u64) -> Result<(), StoreError> {
        self.expect_object_len(&self.sliver(name), len).await
    }

    async fn expect_object_len(&self, path: &Path, len: u64) -> Result<(), StoreError> {
        let stored = self.target.store.head(path).await.map_err(|error| store_error(&error))?.size;
        if stored == len { Ok(()) } else { Err(StoreError::damaged(format!("{stored} of {len} bytes were stored"))) }
    }

    async fn read(&self, name: &SliverName, range: Range<u64>) -> Result<BytesMut, StoreError> {
        self.ready().await?;
        let path = self.sliver(name);
        let ends_early = || StoreError::damaged(format!("it ends before byte {}", range.end));
        let len =
            range.end.checked_sub(range.start).and_then(|len| usize::try_from(len).ok()).ok_or_else(ends_early)?;
        let size = || async { self.target.store.head(&path).await.map(|meta| meta.size) };
        if len == 0 {
            let size = size().await.map_err(|error| store_error(&error))?;
            return if size < range.end { Err(ends_early()) } else { Ok(BytesMut::new()) };
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
        let found = match self.target.store.get_opts(&path, options).await {
            Ok(found) => found,
            // Stores answer a range past the end in many ways: ask for the length before judging.
            Err(error @ Error::Generic { .. }) => {
                return match size().await {
                    Ok(size) if size < range.end => Err(ends_early()),
                    _ => Err(store_error(&error)),
                };
            }
            Err(error) => return Err(store_error(&error)),
        };
        if found.range != range {
            return Err(ends_early());
        }
        let mut read = BytesMut::with_capacity(len);
        let mut pieces = found.into_stream();
        while let Some(piece) = pieces.try_next().await.map_err(|error| store_error(&error))? {
            read.extend_from_slice(&piece);
        }
        if read.len() == len { Ok(read) } else { Err(StoreError::damaged("the answer was shorter than announced")) }
    }

    async fn delete(&self, name: &SliverName) -> Result<(), StoreError> {
        self.ready().await?;
        match self.target.store.delete(&self.sliver(name)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(store_error(&error)),
        }
    }
}

#[async_trait]
impl SliverStore for RemoteStore {
    async fn create(&self, name: &SliverName) -> Result<Box<dyn SliverWriter>, StoreError> {
        self.0.ready().await?;
        Ok(Box::new(RemoteWriter::new(Arc::clone(&self.0), *name)))
    }

    async fn put(&self, name: &SliverName, parts: Vec<Bytes>) -> Result<(), StoreError> {
        let len = parts.iter().map(|part| part.len() as u64).sum();
        if len <= SINGLE_PUT_BYTES || !self.0.target.multipart {
            return self.0.put_whole(name, parts, len).await;
        }
        let mut writer = RemoteWriter::new(Arc::clone(&self.0), *name);
        for part in parts {
            writer.append(part).await?;
        }
        writer.finish().await
    }

    async fn read(&self, name: &SliverName, range: Range<u64>) -> Result<BytesMut, StoreError> {
        self.0.read(name, range).await
    }

    async fn len(&self, name: &SliverName) -> Result<u64, StoreError> {
        self.0.ready().await?;
        let found = self.0.target.store.head(&self.0.sliver(name)).await;
        found.map(|meta| meta.size).map_err(|error| store_error(&error))
    }

    async fn prove(&self, name: &SliverName, challenge: &Challenge) -> Result<Answer, StoreError> {
        proving::prove_by_reading(self, name, challenge).await
    }

    async fn delete(&self, name: &SliverName) -> Result<(), StoreError> {
        self.0.delete(name).await
    }

    /// Deletes: a trash of copies would cost as much as it saves.
    async fn trash(&self, name: &SliverName) -> Result<(), StoreError> {
        self.0.delete(name).await
    }

    fn list(&self) -> BoxStream<'_, Result<SliverEntry, StoreError>> {
        let begin = async {
            self.0.ready().await?;
            let objects = self.0.target.store.list(Some(&self.0.target.prefix));
            Ok(objects.map_err(|error| store_error(&error)).try_filter_map(async |object| {
                // Objects of other names are not ours to judge.
                let name = object.location.filename().and_then(|text| text.parse::<SliverName>().ok());
                let name = name.filter(|name| self.0.sliver(name) == object.location);
                Ok(name.map(|name| SliverEntry { name, len: object.size }))
            }))
        };
        stream::once(begin).try_flatten().boxed()
    }

    /// Reads the marker; whether writes are taken shows in the writes, since a trial would be billed.
    async fn probe(&self) -> Result<Space, StoreError> {
        self.0.verify().await?;
        Ok(Space::default())
    }

    async fn pulse(&self) -> Result<Pulse, StoreError> {
        let found = self.0.small_object(MARKER_NAME).await?.ok_or_else(Marker::missing)?;
        let generation = self.0.marker.generation_of(&found)?;
        Ok(Pulse { generation, heartbeat: self.0.small_object(HEARTBEAT_NAME).await? })
    }

    /// A plain put replaces an object as a whole wherever there are objects.
    async fn beat(&self, heartbeat: Bytes) -> Result<(), StoreError> {
        self.0.ready().await?;
        self.0.replace_small(HEARTBEAT_NAME, heartbeat).await
    }

    fn require_generation(&self, generation: u64) {
        if self.0.generation.fetch_max(generation, Ordering::SeqCst) < generation {
            *self.0.checked.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
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

    /// Nothing to do: there is no trash, and incomplete uploads are invisible.
    async fn sweep(&self, _trash_seconds: u64) -> Result<u64, StoreError> {
        self.0.verify().await?;
        Ok(0)
    }
}
