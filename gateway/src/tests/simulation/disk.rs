//! A store in memory that outlives the gateways, and that a simulation can damage.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use backends::{
    Answer, Challenge, EpochNonce, Pulse, SliverEntry, SliverName, SliverStore, SliverWriter, Space, StoreError,
    VerdictReport, prove_by_reading,
};
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt as _};

/// What lies on one disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    content: Arc<Mutex<Content>>,
    required_generation: Arc<AtomicU64>,
    /// Microseconds since the Unix epoch.
    clock: Arc<AtomicI64>,
}

#[derive(Debug, Default)]
struct Content {
    slivers: BTreeMap<SliverName, Bytes>,
    /// With the moment at which it came there.
    trash: BTreeMap<SliverName, i64>,
    heartbeat: Option<Bytes>,
    /// It takes slivers, and forgets them without a word.
    is_forgetful: bool,
}

impl Disk {
    pub(super) fn new(clock: &Arc<AtomicI64>) -> Self {
        Self { content: Arc::default(), required_generation: Arc::default(), clock: Arc::clone(clock) }
    }

    pub(super) fn names(&self) -> Vec<SliverName> {
        self.content().slivers.keys().copied().collect()
    }

    /// Loses a sliver without a word.
    pub(super) fn lose(&self, name: &SliverName) {
        self.content().slivers.remove(name);
    }

    /// Another bit of a sliver, or its end, is not what it was.
    pub(super) fn rot(&self, name: &SliverName, bit: usize) {
        if let Some(sliver) = self.content().slivers.get_mut(name).filter(|sliver| !sliver.is_empty()) {
            let mut bytes = sliver.to_vec();
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            *sliver = bytes.into();
        }
    }

    /// A defect, for a simulation of the simulation: what is written here from now on is gone.
    pub(super) fn be_forgetful(&self) {
        self.content().is_forgetful = true;
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap()
    }

    fn store(&self, name: SliverName, bytes: Bytes) -> Result<(), StoreError> {
        let mut content = self.content();
        if content.slivers.contains_key(&name) {
            return Err(StoreError::AlreadyExists);
        }
        if !content.is_forgetful {
            content.slivers.insert(name, bytes);
        }
        Ok(())
    }

    fn sliver(&self, name: &SliverName) -> Result<Bytes, StoreError> {
        self.content().slivers.get(name).cloned().ok_or(StoreError::NotFound)
    }

    fn is_right(&self) -> Result<(), StoreError> {
        if self.required_generation.load(Ordering::SeqCst) <= GENERATION {
            return Ok(());
        }
        Err(StoreError::WrongBackend { reason: "it is of an earlier generation".to_owned() })
    }
}

/// Disks of a simulation are never accepted a second time.
const GENERATION: u64 = 1;

fn damaged(reason: &str) -> StoreError {
    StoreError::Damaged { reason: reason.to_owned() }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SliverStore for Disk {
    async fn create(&self, name: &SliverName) -> Result<Box<dyn SliverWriter>, StoreError> {
        self.is_right()?;
        if self.sliver(name).is_ok() {
            return Err(StoreError::AlreadyExists);
        }
        Ok(Box::new(DiskWriter { disk: self.clone(), name: *name, bytes: BytesMut::new() }))
    }

    async fn put(&self, name: &SliverName, parts: Vec<Bytes>) -> Result<(), StoreError> {
        self.is_right()?;
        self.store(*name, parts.concat().into())
    }

    async fn read(&self, name: &SliverName, range: Range<u64>) -> Result<BytesMut, StoreError> {
        self.is_right()?;
        let sliver = self.sliver(name)?;
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        let read = sliver.get(range).ok_or_else(|| damaged("it ends before the range that is asked for"))?;
        Ok(read.into())
    }

    async fn len(&self, name: &SliverName) -> Result<u64, StoreError> {
        self.is_right()?;
        Ok(self.sliver(name)?.len() as u64)
    }

    async fn prove(&self, name: &SliverName, challenge: &Challenge) -> Result<Answer, StoreError> {
        prove_by_reading(self, name, challenge).await
    }

    async fn delete(&self, name: &SliverName) -> Result<(), StoreError> {
        self.is_right()?;
        self.content().slivers.remove(name);
        Ok(())
    }

    async fn trash(&self, name: &SliverName) -> Result<(), StoreError> {
        self.is_right()?;
        let mut content = self.content();
        if content.slivers.remove(name).is_some() {
            content.trash.insert(*name, self.clock.load(Ordering::SeqCst));
        }
        Ok(())
    }

    fn list(&self) -> BoxStream<'_, Result<SliverEntry, StoreError>> {
        if let Err(error) = self.is_right() {
            return stream::iter([Err(error)]).boxed();
        }
        let content = self.content();
        let entry = |(name, sliver): (&SliverName, &Bytes)| Ok(SliverEntry { name: *name, len: sliver.len() as u64 });
        let entries: Vec<_> = content.slivers.iter().map(entry).collect();
        stream::iter(entries).boxed()
    }

    async fn probe(&self) -> Result<Space, StoreError> {
        self.is_right()?;
        Ok(Space::default())
    }

    async fn pulse(&self) -> Result<Pulse, StoreError> {
        Ok(Pulse { generation: GENERATION, heartbeat: self.content().heartbeat.clone() })
    }

    async fn beat(&self, heartbeat: Bytes) -> Result<(), StoreError> {
        self.is_right()?;
        self.content().heartbeat = Some(heartbeat);
        Ok(())
    }

    fn require_generation(&self, generation: u64) {
        self.required_generation.fetch_max(generation, Ordering::SeqCst);
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
        self.is_right()?;
        let age = i64::try_from(trash_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let oldest = self.clock.load(Ordering::SeqCst).saturating_sub(age);
        let mut content = self.content();
        let before = content.trash.len();
        content.trash.retain(|_, since| *since > oldest);
        Ok((before - content.trash.len()) as u64)
    }
}

struct DiskWriter {
    disk: Disk,
    name: SliverName,
    bytes: BytesMut,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SliverWriter for DiskWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn write_parts(&mut self, parts: Vec<Bytes>) -> Result<(), StoreError> {
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        Ok(())
    }

    async fn seal(self: Box<Self>) -> Result<(), StoreError> {
        self.disk.store(self.name, self.bytes.freeze())
    }

    async fn abort(self: Box<Self>) {}
}

#[tokio::test]
async fn a_disk_is_a_store_like_others() {
    backends::conformance::run(Arc::new(Disk::new(&Arc::default()))).await;
}
